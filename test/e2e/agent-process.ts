import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The compiled executable under test. */
export const KONSUL = process.env["KONSUL_BIN"] ?? join(import.meta.dir, "..", "..", "dist", "konsul");

const processes = new Set<Bun.Subprocess>();
const folders = new Set<string>();
const mounts = new Set<string>();

/** A folder that is removed at the end. */
export function temporaryFolder(name = "konsul-e2e"): string {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  folders.add(folder);
  return folder;
}

/** A process that is ended at the end, unless it has ended before. */
export function tracked<T extends Bun.Subprocess>(child: T): T {
  processes.add(child);
  void child.exited.then(() => processes.delete(child));
  return child;
}

/** A small file system in memory that can be filled up; undefined where this process may not mount one. */
export function smallDisk(size: string): string | undefined {
  const folder = temporaryFolder();
  if (!Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder]).success) return undefined;
  mounts.add(folder);
  return folder;
}

export interface AgentProcess {
  readonly url: string;
  readonly child: Bun.Subprocess;
  /** Everything that it has logged so far. */
  readonly log: () => string;
  /** Sends the signal and waits for the end; the exit code. */
  end(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<number>;
}

/** Starts an agent on a free port of its own and waits until it is ready. */
export async function startAgent(
  flags: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  /** A node that may have to wait for others is not waited for; its address is the one it was given. */
  more: { readonly isReadyAwaited: boolean; readonly executable?: string } = { isReadyAwaited: true },
): Promise<AgentProcess> {
  const agent = launch(
    ["agent", ...flags],
    {
      KONSUL_PORT: "0",
      KONSUL_LIMITS_DISK_RESERVE_BYTES: "0",
      ...environment,
    },
    more.executable,
  );
  if (!more.isReadyAwaited) return { url: "", ...agent };
  for (;;) {
    const port = /http=http:\/\/127\.0\.0\.1:(\d+)/.exec(agent.log())?.[1];
    if (agent.child.exitCode !== null) throw new Error(`the agent ended: ${agent.log()}`);
    if (port !== undefined) {
      const url = `http://127.0.0.1:${port}`;
      await untilReady(url, agent.child);
      return { url, ...agent };
    }
    await Bun.sleep(5);
  }
}

async function untilReady(url: string, child: Bun.Subprocess): Promise<void> {
  while (child.exitCode === null) {
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (answer?.status === 200) return;
    await Bun.sleep(5);
  }
}

/** Starts an agent and does not wait for anything. */
export function launchAgent(flags: readonly string[]): Omit<AgentProcess, "url"> {
  return launch(["agent", ...flags], { KONSUL_LIMITS_DISK_RESERVE_BYTES: "0" });
}

function launch(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  executable = KONSUL,
): Omit<AgentProcess, "url"> {
  const child = Bun.spawn([executable, ...command], {
    cwd: tmpdir(),
    env: { PATH: process.env["PATH"] ?? "", HOME: tmpdir(), ...environment },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  processes.add(child);
  let log = "";
  void (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) log += decoder.decode(chunk, { stream: true });
  })();
  return {
    child,
    log: () => log,
    end: async (signal) => {
      child.kill(signal);
      const code = await child.exited;
      processes.delete(child);
      return code;
    },
  };
}

/** Ends what a test left running, by its id, and removes the folders. */
export async function cleanUp(): Promise<void> {
  for (const child of processes) {
    child.kill("SIGKILL");
    await child.exited;
  }
  processes.clear();
  for (const mount of mounts) Bun.spawnSync(["umount", "-l", mount]);
  mounts.clear();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly problems: string;
}

/** Runs one command to its end. */
export async function konsul(
  words: readonly string[],
  more: {
    readonly url?: string;
    readonly input?: Uint8Array;
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<Ran> {
  const child = Bun.spawn([KONSUL, ...words], {
    cwd: tmpdir(),
    env: {
      PATH: process.env["PATH"] ?? "",
      ...(more.url === undefined ? {} : { KONSUL_HTTP_ADDR: more.url }),
      ...more.environment,
    },
    stdin: more.input ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, problems] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, problems };
}
