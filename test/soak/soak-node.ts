import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KONSUL } from "../e2e/agent-process.ts";
import type { Tally } from "./tally.ts";

export interface NodeOptions {
  readonly id: string;
  /** Network namespace that it runs in. */
  readonly namespace: string;
  readonly address: string;
  readonly peers: readonly string[];
  /** Where its data folder is made. */
  readonly disk: string;
  readonly logFile: string;
  /** Never killed, so that its memory can be watched. */
  readonly isVeteran: boolean;
  readonly hasSmallDisk: boolean;
  readonly patience: number;
}

export const TRAILING_LOGS = 500;
export const SNAPSHOT_THRESHOLD = 500;

/** Small enough that everything that grows has reached its bound within minutes, on a slow machine too. */
const FLAGS = [
  `--bootstrap-expect=5`,
  "--port=8888",
  "--join-token=secret",
  "--insecure",
  "--follower-writes=forward",
  "--snapshot-interval=5s",
  `--snapshot-threshold=${SNAPSHOT_THRESHOLD}`,
  `--trailing-logs=${TRAILING_LOGS}`,
  "--limit-watch-window=500",
];

const ENVIRONMENT = {
  PATH: process.env["PATH"] ?? "",
  KONSUL_AUTOPILOT_SERVER_STABILIZATION_TIME: "2s",
  KONSUL_AUTOPILOT_DEAD_SERVER_AFTER: "60s",
  KONSUL_LIMITS_DISK_RESERVE_BYTES: "4MiB",
};

function timeouts(patience: number): Readonly<Record<string, string>> {
  return {
    KONSUL_RAFT_HEARTBEAT_TIMEOUT: `${1000 * patience}ms`,
    KONSUL_RAFT_ELECTION_TIMEOUT: `${1000 * patience}ms`,
    KONSUL_RAFT_LEADER_LEASE_TIMEOUT: `${500 * patience}ms`,
    KONSUL_AUTOPILOT_LAST_CONTACT_THRESHOLD: `${500 * patience}ms`,
  };
}

/** One agent: a process in its namespace, whatever happens to it. */
export class SoakNode {
  readonly options: NodeOptions;
  readonly url: string;
  readonly dataDir: string;
  readonly #tally: Tally;
  #child: Bun.Subprocess | undefined;

  constructor(options: NodeOptions, tally: Tally) {
    this.options = options;
    this.url = `http://${options.address}:8888`;
    this.dataDir = join(options.disk, "data");
    this.#tally = tally;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { id, namespace, address, peers, logFile, patience } = this.options;
    const own = [`--host=${address}`, `--raft-bind-addr=${address}:7000`, `--node-id=${id}`];
    const log = openSync(logFile, "a");
    const words = [...own, `--join=${peers.join(",")}`, `--data-dir=${this.dataDir}`, ...FLAGS];
    const child = Bun.spawn(["ip", "netns", "exec", namespace, KONSUL, "agent", ...words], {
      env: { ...ENVIRONMENT, ...timeouts(patience) },
      stdio: ["ignore", "ignore", log],
    });
    // The child has its own.
    closeSync(log);
    this.#child = child;
    void this.#watch(child, `${id} ended by itself: see ${logFile}`);
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  /** The exit code. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<number> {
    const child = this.#child;
    if (child === undefined) return 0;
    this.#child = undefined;
    child.kill(signal);
    return child.exited;
  }

  async #watch(child: Bun.Subprocess, complaint: string): Promise<void> {
    await child.exited;
    // Whoever ends it takes it away first.
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#tally.violation(complaint);
  }

  wipe(): void {
    rmSync(this.dataDir, { recursive: true, force: true });
    mkdirSync(this.dataDir, { recursive: true });
  }

  /** Leaves no free byte on its disk. */
  fill(): void {
    const filler = join(this.options.disk, "filler");
    Bun.spawnSync(["dd", "if=/dev/zero", `of=${filler}`, "bs=64k"], { stderr: "ignore" });
    if (!existsSync(filler)) writeFileSync(filler, "");
  }

  free(): void {
    rmSync(join(this.options.disk, "filler"), { force: true });
  }
}
