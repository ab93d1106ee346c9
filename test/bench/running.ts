import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tracked } from "../e2e/agent-process.ts";

/** Nodes that serve, three unless said otherwise. */
export interface Running {
  readonly urls: readonly string[];
  /** Which of them leads, once all of them serve and agree. */
  leaderAt(): Promise<number>;
  /** Of the leader. */
  leader(): Promise<string>;
  /** Of the node after the leader. */
  follower(): Promise<string>;
  /** It is the same before and after: the same node led all the time. */
  term(): Promise<number>;
  pidOf(at: number): number;
  pids(): readonly number[];
  /** SIGKILL; on return the process is gone. */
  kill(at: number): Promise<void>;
  /** Starts a killed node on its folder; on return it serves. */
  restart(at: number): Promise<void>;
  stop(): Promise<void>;
}

export interface Plan {
  readonly folder: string;
  readonly commands: readonly (readonly string[])[];
  readonly urls: readonly string[];
  readonly readyPath: string;
  /** Undefined: not yet, or they do not agree. */
  readonly leaderAt: () => Promise<number | undefined>;
  readonly term: () => Promise<number>;
}

/** No start and no election takes this long, not even on a machine that is far too busy. */
const PATIENCE_MS = 300_000;
const SAID_BYTES_MAX = 2000;

/** Starts the nodes. @throws Error with what a node said that ended by itself, or when they find no leader */
export async function runNodes({ folder, commands, urls, readyPath, leaderAt, term }: Plan): Promise<Running> {
  const logOf = (at: number): string => join(folder, `node-${at}.log`);
  const spawn = (command: readonly string[], at: number): Bun.Subprocess =>
    tracked(Bun.spawn([...command], { cwd: folder, stdio: ["ignore", "ignore", Bun.file(logOf(at))] }));
  const children = commands.map(spawn);
  const killed = new Set<number>();
  const checkNobodyEnded = (): void => {
    for (const [at, { exitCode, signalCode }] of children.entries()) {
      if (killed.has(at) || (exitCode ?? signalCode) === null) continue;
      const said = readFileSync(logOf(at), "utf8").slice(-SAID_BYTES_MAX).trim();
      throw new Error(`${commands[at]?.[0]} (node ${at}) ended by itself with ${exitCode ?? signalCode}: ${said}`);
    }
  };
  const untilTrue = async (what: string, check: () => Promise<boolean>): Promise<void> => {
    for (const until = performance.now() + PATIENCE_MS; !(await check().catch(() => false)); await Bun.sleep(20)) {
      checkNobodyEnded();
      if (performance.now() > until) throw new Error(`${commands[0]?.[0]}: ${what} for ${PATIENCE_MS / 1000} s`);
    }
  };
  const agreed = async (): Promise<number> => {
    let found: number | undefined;
    await untilTrue("the nodes have agreed on no leader", async () => {
      found = await leaderAt();
      return found !== undefined;
    });
    return found ?? 0;
  };
  const urlOf = (at: number): string => urls[at % urls.length] ?? "";
  await agreed();
  return {
    urls,
    leaderAt: agreed,
    leader: async () => urlOf(await agreed()),
    follower: async () => urlOf((await agreed()) + 1),
    term,
    pidOf: (at) => children[at]?.pid ?? 0,
    pids: () => children.map(({ pid }) => pid),
    kill: async (at) => {
      killed.add(at);
      children[at]?.kill("SIGKILL");
      await children[at]?.exited;
    },
    restart: async (at) => {
      children[at] = spawn(commands[at] ?? [], at);
      killed.delete(at);
      await untilTrue("a node that was started again has not become ready", async () => {
        return (await fetch(`${urlOf(at)}${readyPath}`)).ok;
      });
    },
    stop: async () => {
      for (const child of children) child.kill("SIGKILL");
      for (const child of children) await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
