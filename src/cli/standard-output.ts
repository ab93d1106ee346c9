/** Nobody reads any more, or there is no room: what a command would still find out, it cannot tell. */
export function endWhenOutputFails(): void {
  process.stdout.on("error", (cause: Error) => {
    // A reader that has enough, such as `head`, is no news to anybody.
    if (!("code" in cause) || cause.code !== "EPIPE")
      process.stderr.write(`konsul: Cannot write to standard output: ${cause.message}\n`);
    process.exit(1);
  });
}

/** Resolves once the output has been taken: whoever writes much waits, and does not hold it all. */
export async function write(output: string | Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => void process.stdout.write(output, () => resolve()));
}

/** Resolves once everything has been taken: the end of a process drops what has not. */
export async function endOutput(): Promise<void> {
  await new Promise<void>((resolve) => void process.stdout.end(resolve));
}
