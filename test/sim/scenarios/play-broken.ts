const RUN_MS_MAX = 120_000;

/** Plays one test of a copy of the tree that is broken. Undefined: it fails, as it should. */
export async function whyItPasses(test: {
  readonly folder: string;
  readonly file: string;
  /** To its end. */
  readonly name: string;
}): Promise<string | undefined> {
  const pattern = `${test.name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`;
  const command = [process.execPath, "test", test.file, "-t", pattern];
  const child = Bun.spawn(command, { cwd: test.folder, stdout: "ignore", stderr: "pipe", timeout: RUN_MS_MAX });
  const said = await new Response(child.stderr).text();
  await child.exited;
  if (said.includes("\n(fail) ")) return undefined;
  return said.includes(" 0 fail") ? "it still passes" : `it did not run: ${said.slice(0, 300)}`;
}
