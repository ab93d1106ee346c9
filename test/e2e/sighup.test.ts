import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, KONSUL, launchAgent, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { site } from "./site.ts";

afterEach(cleanUp);

type Running = Pick<AgentProcess, "child" | "log">;

async function untilLogged(words: string, { child, log }: Running): Promise<void> {
  while (!log().includes(words)) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the agent ended: ${log()}`);
    await Bun.sleep(5);
  }
}

/** Runs the command with SIGHUP ignored, in the very process that is started. */
function underNohup(): string {
  const script = join(temporaryFolder(), "konsul-nohup");
  writeFileSync(script, `#!/bin/sh\nexec nohup '${KONSUL}' "$@"\n`);
  chmodSync(script, 0o755);
  return script;
}

describe("SIGHUP", () => {
  for (const [how, executable] of [
    ["", () => KONSUL],
    [", also under nohup", underNohup],
  ] as const) {
    test(`reads the log level again${how}`, async () => {
      const file = join(temporaryFolder(), "konsul.yaml");
      writeFileSync(file, "log_level: info\n");
      const ready = { isReadyAwaited: true, executable: executable() };
      const agent = await startAgent(["--dev", "--config", file], {}, ready);
      writeFileSync(file, "log_level: debug\n");
      agent.child.kill("SIGHUP");
      await untilLogged("Read the log level again level=debug", agent);
      await fetch(`${agent.url}/kv/none`);
      await untilLogged("status=404", agent);
      expect(await agent.end("SIGTERM")).toBe(0);
    });
  }

  test("with settings that are wrong or gone changes nothing, and says why", async () => {
    const file = join(temporaryFolder(), "konsul.yaml");
    writeFileSync(file, "log_level: info\n");
    const agent = await startAgent(["--dev", "--config", file]);
    writeFileSync(file, "log_level: loud\nprot: 1\n");
    agent.child.kill("SIGHUP");
    await untilLogged("The log level stays", agent);
    for (const key of ["log_level", "prot"]) expect(agent.log()).toContain(`${file}: ${key}`);
    rmSync(file);
    agent.child.kill("SIGHUP");
    await untilLogged(`cannot be read again why="Cannot read ${file}: there is no such file"`, agent);
    expect((await fetch(`${agent.url}/health/live`)).status).toBe(200);
  });

  test("does not end a node that waits for others to start a cluster", async () => {
    const { flags, peer } = site(3);
    const join3 = `--join=${peer.map((port) => `127.0.0.1:${port}`).join(",")}`;
    const waiting = launchAgent(flags(0, "--bootstrap-expect=3", join3));
    await untilLogged("Waiting for 3 empty nodes", waiting);
    waiting.child.kill("SIGHUP");
    await untilLogged("Read the log level again", waiting);
    expect(await waiting.end("SIGTERM")).toBe(0);
  });
});
