import { hostname } from "node:os";
import { parseDuration } from "../config/index.ts";
import { Client, failure, type Answer } from "./client.ts";
import { CommandFailed, Unreachable, UsageError, type Invocation } from "./command.ts";
import { toRecord } from "./json-record.ts";
import { holderOf, KeptSession } from "./kept-session.ts";

const RETRY_MS = 200;
/** Longest wait in one request: well below the time after which the client gives up on an answer. */
const POLL_MS = 3000;
const KILL_AFTER_MS = 5000;
const NOT_FOUND_CODE = 127;

interface Lock {
  readonly client: Client;
  readonly session: KeptSession;
  /** Path and query of the key. */
  readonly path: string;
  readonly key: string;
}

interface Held {
  readonly lockIndex: number;
  readonly modifyIndex: number;
}

/** Runs a command while it holds the lock, and stops it as soon as the lock may be lost. */
export async function lock(call: Invocation): Promise<number> {
  const [key = "", ...command] = call.positions;
  const ttlMs = durationOf(call, "ttl") ?? 15_000;
  const waitMs = durationOf(call, "wait");
  const client = new Client(call);
  const name = call.flags.get("name")?.[0] ?? `konsul lock on ${hostname()} (pid ${process.pid})`;
  const session = await KeptSession.open(client, { name, ttlMs, lockDelay: call.flags.get("lock-delay")?.[0] });
  try {
    const wanted: Lock = { client, session, key, path: `/kv?key=${encodeURIComponent(key)}` };
    const held = await acquire(wanted, name, waitMs === undefined ? Infinity : performance.now() + waitMs);
    const code = await runUnder(wanted, held, command);
    await release(wanted, name);
    return code;
  } finally {
    await session.end();
  }
}

function durationOf(call: Invocation, flag: string): number | undefined {
  const given = call.flags.get(flag)?.[0];
  if (given === undefined) return undefined;
  const parsed = parseDuration(given);
  if (!parsed.ok) throw new UsageError(`--${flag} ${parsed.error}`);
  return parsed.value;
}

/** Waits for the lock. @throws CommandFailed when it was not to be had in time */
async function acquire(wanted: Lock, name: string, deadline: number): Promise<Held> {
  const { client, session, path, key } = wanted;
  let lostReason: string | undefined;
  void session.lost.then((reason) => (lostReason = reason));
  let hasSaid = false;
  for (;;) {
    const answer = await patient(async () =>
      client.request("PUT", `${path}&acquire=${session.id}`, new TextEncoder().encode(name)),
    );
    if (answer?.status === 200) return heldBy(answer);
    if (answer !== undefined && answer.status < 500 && answer.status !== 409) throw failure(answer);
    if (lostReason !== undefined) throw new CommandFailed(`Gave up waiting for the lock ${key}: ${lostReason}`);
    const leftMs = deadline - performance.now();
    if (leftMs <= 0)
      throw new CommandFailed(`The lock ${key} was not free in time: try again, or with a longer --wait`);
    if (!hasSaid && answer?.status === 409) process.stderr.write(`Waiting for the lock ${key}\n`);
    hasSaid ||= answer?.status === 409;
    await untilFree(wanted, answer, Math.min(leftMs, POLL_MS));
  }
}

/** Until the holder seems to be gone, or `waitMs` are over. */
async function untilFree({ client, path }: Lock, refused: Answer | undefined, waitMs: number): Promise<void> {
  const holder = refused === undefined ? undefined : holderOf(refused.bytes);
  if (holder === undefined) {
    const delayMs = refused === undefined ? undefined : toRecord(refused.bytes)["retry_after_ms"];
    await Bun.sleep(Math.min(waitMs, typeof delayMs === "number" ? delayMs : RETRY_MS));
    return;
  }
  const now = await patient(async () => client.request("GET", path));
  const modifyIndex = now?.status === 200 ? toRecord(now.bytes)["modify_index"] : undefined;
  if (now === undefined || holderOf(now.bytes) !== holder || typeof modifyIndex !== "number") {
    await Bun.sleep(Math.min(waitMs, RETRY_MS));
    return;
  }
  await patient(async () => client.request("GET", `${path}&index=${modifyIndex}&wait=${Math.ceil(waitMs)}ms`));
}

function heldBy(answer: Answer): Held {
  const { lock_index: lockIndex, modify_index: modifyIndex } = toRecord(answer.bytes);
  if (typeof lockIndex === "number" && typeof modifyIndex === "number") return { lockIndex, modifyIndex };
  throw new CommandFailed("The agent answered without a lock index: is it a Konsul agent?");
}

/** Undefined: no answer, which passes. */
async function patient(ask: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof Unreachable) return undefined;
    throw cause;
  }
}

async function runUnder(wanted: Lock, { lockIndex, modifyIndex }: Held, command: readonly string[]): Promise<number> {
  const { session, key } = wanted;
  const environment = { KONSUL_LOCK_KEY: key, KONSUL_LOCK_INDEX: String(lockIndex), KONSUL_LOCK_SESSION: session.id };
  let child: Bun.Subprocess;
  try {
    child = Bun.spawn([...command], {
      env: { ...process.env, ...environment },
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    });
  } catch (cause) {
    process.stderr.write(`Cannot run ${command[0]}: ${cause instanceof Error ? cause.message : String(cause)}\n`);
    return NOT_FOUND_CODE;
  }
  const passOn = (signal: NodeJS.Signals): void => child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, passOn);
  const lost = Promise.race([session.lost, untilTakenAway(wanted, modifyIndex, child)]);
  const end = await Promise.race([child.exited, lost]);
  if (typeof end === "number") return end;
  process.stderr.write(`The lock ${key} is lost: ${end}. Stopping the command\n`);
  child.kill("SIGTERM");
  const isStopped = await Promise.race([child.exited.then(() => true), Bun.sleep(KILL_AFTER_MS).then(() => false)]);
  if (!isStopped) child.kill("SIGKILL");
  await child.exited;
  throw new CommandFailed(`The lock ${key} was lost while the command ran: it was stopped`);
}

/** Resolves when the key no longer names this session; while the agent is silent, the session's own clock decides. */
async function untilTakenAway({ client, session, path }: Lock, since: number, child: Bun.Subprocess): Promise<string> {
  let index = since;
  for (;;) {
    const answer = await patient(async () =>
      client.request("GET", `${path}&index=${index}&wait=${POLL_MS}ms&min_index=${since}`),
    );
    if (child.exitCode !== null) return "the command ended";
    if (answer?.status === 404) return "the key was deleted";
    if (answer?.status !== 200) {
      await Bun.sleep(RETRY_MS);
      continue;
    }
    if (holderOf(answer.bytes) !== session.id) return "the key was given to another, or its session ended";
    const { modify_index: modifyIndex } = toRecord(answer.bytes);
    if (typeof modifyIndex === "number") index = modifyIndex;
  }
}

/** A lock that is given back has no lock delay. */
async function release({ client, session, path }: Lock, name: string): Promise<void> {
  await patient(async () => client.request("PUT", `${path}&release=${session.id}`, new TextEncoder().encode(name)));
}
