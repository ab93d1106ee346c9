import { join } from "node:path";
import { KONSUL, startAgent, temporaryFolder } from "../e2e/agent-process.ts";
import { median, say, type Bench } from "./bench.ts";
import { record } from "./history.ts";

const ROUNDS = 20;

/** Cold starts with an empty folder, and a command that needs no agent; beside the bare runtime in the same run. */
export const startup: Bench = {
  name: "startup",
  summary: "from the start of the process to the first 200 of /health/ready, and konsul version",
  run: async () => {
    const agent: number[] = [];
    const version: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const folder = temporaryFolder();
      let at = performance.now();
      const started = await startAgent(["--data-dir", join(folder, "data")]);
      agent.push(performance.now() - at);
      await started.end("SIGTERM");
      at = performance.now();
      await Bun.spawn([KONSUL, "version"], { stdout: "ignore" }).exited;
      version.push(performance.now() - at);
      at = performance.now();
      await Bun.spawn([process.execPath, "-e", "0"], { stdout: "ignore" }).exited;
      bare.push(performance.now() - at);
    }
    say(
      `startup: ready after ${median(agent).toFixed(0)} ms (aim 300), konsul version ${median(version).toFixed(0)} ms (aim 50), bare runtime ${median(bare).toFixed(0)} ms; medians of ${ROUNDS}`,
    );
    record("startup", { rounds: ROUNDS, readyMs: median(agent), versionMs: median(version), bareMs: median(bare) });
  },
};
