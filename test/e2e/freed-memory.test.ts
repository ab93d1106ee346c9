import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, KONSUL, startAgent, temporaryFolder, tracked } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

function words(pid: number, file: "cmdline" | "environ"): string[] {
  return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0").slice(0, -1);
}

describe("an agent that begins anew for the allocator's sake", () => {
  test("keeps its process, its command line and its environment, and ends by a signal", async () => {
    const agent = await startAgent(["--dev"], { KONSUL_TEST_MARK: "a=b c" });
    const { pid } = agent.child;
    expect(words(pid, "cmdline")).toEqual([KONSUL, "agent", "--dev"]);
    expect(words(pid, "environ")).toEqual(
      expect.arrayContaining(["MIMALLOC_PURGE_DELAY=-1", "KONSUL_TEST_MARK=a=b c", "KONSUL_PORT=0"]),
    );
    expect(await agent.end("SIGTERM")).toBe(0);
  });

  test("leaves an operator's own delay alone", async () => {
    const agent = await startAgent(["--dev"], { MIMALLOC_PURGE_DELAY: "50" });
    expect(words(agent.child.pid, "environ")).toContain("MIMALLOC_PURGE_DELAY=50");
  });

  test.each(["/dev/stdin < $1", "/dev/fd/7 7< $1", "<(cat $1)", "/dev/stdin < <(cat $1)"])(
    "reads its settings from %s",
    async (given) => {
      const [port = 0] = freePorts(1);
      const file = join(temporaryFolder(), "konsul.yaml");
      writeFileSync(file, `port: ${port}\n`);
      const agent = tracked(
        Bun.spawn(["bash", "-c", `exec "$0" agent --dev --config ${given}`, KONSUL, file], { stderr: "ignore" }),
      );
      const isReady = async (): Promise<boolean> =>
        (await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined))?.ok === true;
      while (agent.exitCode === null && !(await isReady())) await Bun.sleep(10);
      expect([agent.exitCode, await isReady()]).toEqual([null, true]);
    },
  );
});
