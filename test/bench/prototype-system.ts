import { rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder, tracked } from "../e2e/agent-process.ts";
import { freePorts } from "../e2e/free-ports.ts";

export interface Prototype {
  readonly leader: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** The bare prototype: a leader and two followers, each a process with a file of its own. */
export async function startPrototype(): Promise<Prototype> {
  const folder = temporaryFolder("prototype-bench");
  const ports = freePorts(3);
  const spawn = (role: string, at: number, more: readonly number[] = []): Bun.Subprocess =>
    tracked(
      Bun.spawn(
        [
          process.execPath,
          join(import.meta.dir, "prototype", `${role}.ts`),
          String(ports[at]),
          join(folder, `${at}.db`),
          ...more.map(String),
        ],
        { env: { ...process.env, NODE_ENV: "production" }, stdio: ["ignore", "inherit", "inherit"] },
      ),
    );
  const followers = [1, 2].map((at) => spawn("follower", at));
  for (const [at, follower] of followers.entries()) await untilOpen(ports[1 + at] ?? 0, follower);
  const leader = spawn("leader", 0, ports.slice(1));
  await untilOpen(ports[0] ?? 0, leader);
  const all = [leader, ...followers];
  return {
    leader: `http://127.0.0.1:${ports[0]}`,
    pids: all.map(({ pid }) => pid),
    stop: async () => {
      for (const child of all) child.kill("SIGKILL");
      for (const child of all) await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Until something listens there. */
async function untilOpen(port: number, child: Bun.Subprocess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`A node of the prototype ended with ${child.exitCode}`);
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).catch(
      () => undefined,
    );
    if (socket !== undefined) {
      socket.end();
      return;
    }
    await Bun.sleep(20);
  }
}
