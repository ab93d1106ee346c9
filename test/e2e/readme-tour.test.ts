import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "bun:test";
import { cleanUp, KONSUL, startAgent, temporaryFolder } from "./agent-process.ts";

const readme = readFileSync(join(import.meta.dir, "..", "..", "README.md"), "utf8");

afterAll(cleanUp);

/** The page's own commands; only the port and the way to the executable are put in. */
function commandsOf(kind: string, port: string): string[] {
  const blocks = [...readme.matchAll(new RegExp("```sh " + kind + "\\n([^`]*)```", "g"))];
  return blocks.map(([, block = ""]) =>
    block.replaceAll("scripts/konsul", KONSUL).replaceAll("127.0.0.1:8888", `127.0.0.1:${port}`),
  );
}

test("the README's tour works as it is printed", async () => {
  const [start = ""] = commandsOf("tour=agent", "");
  const flags = start.trim().split(" ").slice(2);
  expect(flags).toEqual(["--data-dir", "./data"]);
  const agent = await startAgent(["--data-dir", join(temporaryFolder(), "data")]);
  const { port } = new URL(agent.url);
  const blocks = commandsOf("tour", port);
  expect(blocks.length).toBeGreaterThan(5);
  const outputs: string[] = [];
  for (const block of blocks) {
    const ran = Bun.spawnSync(["bash", "-euo", "pipefail", "-c", block], {
      env: { PATH: process.env["PATH"] ?? "", KONSUL_HTTP_ADDR: agent.url },
    });
    expect([block, ran.exitCode, ran.stderr.toString().replaceAll(/(Stored|Deleted) .*\n/g, "")]).toEqual([
      block,
      0,
      "",
    ]);
    outputs.push(ran.stdout.toString());
  }
  const all = outputs.join("\n");
  for (const wanted of [
    "80",
    '"value":"a.example"',
    '"flags":7',
    '"cas_conflict"',
    '"results"',
    "healthy",
    "konsul_raft_state 1",
    "web/lock",
  ]) {
    expect(all).toContain(wanted);
  }
});
