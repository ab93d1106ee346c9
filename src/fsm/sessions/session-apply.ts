import { assert, unreachable, utf8, type LogIndex } from "../../base/index.ts";
import type { KvTable } from "../kv/kv-apply.ts";
import { kvRow } from "../kv/kv-row.ts";
import type { StateTable } from "../state/state-table.ts";
import type { LockHolders } from "./lock-holders.ts";
import type {
  LockAcquire,
  LockRelease,
  SessionCommand,
  SessionCreate,
  SessionDestroy,
  SessionResult,
} from "./session-command.ts";
import { sessionRow, type LockDelayRow, type SessionRow } from "./session-row.ts";

/** What the commands of this domain read and change. */
export interface SessionTables {
  readonly sessions: StateTable<SessionRow>;
  readonly delays: StateTable<LockDelayRow>;
  readonly kv: KvTable;
  readonly holders: LockHolders;
}

/** Where in the log a command stands; `time` is cluster time in ms. */
export interface Moment {
  readonly index: LogIndex;
  readonly time: number;
}

/** Applies one command. Two holders of one key are impossible in the log, as only this decides. */
export function applySession(tables: SessionTables, moment: Moment, command: SessionCommand): SessionResult {
  switch (command.kind) {
    case "session-create":
      return create(tables, moment, command);
    case "session-destroy":
      return destroy(tables, moment, command);
    case "lock-acquire":
      return acquire(tables, moment, command);
    case "lock-release":
      return release(tables, moment, command);
    default:
      return unreachable(command);
  }
}

function create({ sessions, delays }: SessionTables, { index, time }: Moment, command: SessionCreate): SessionResult {
  forgetOldDelays(delays, time);
  const key = utf8(command.id);
  if (sessions.get(key) !== undefined) return { kind: "session-exists" };
  sessions.set(key, sessionRow({ ...command.terms, createIndex: index }));
  return { kind: "session-created", createIndex: index };
}

function destroy(tables: SessionTables, { index, time }: Moment, { id }: SessionDestroy): SessionResult {
  const { sessions, delays, kv, holders } = tables;
  forgetOldDelays(delays, time);
  const session = sessions.get(utf8(id));
  if (session === undefined) return { kind: "session-not-found" };
  const keys = holders.keysOf(id);
  for (const key of keys) {
    const row = kv.get(key);
    assert(row?.lock?.session === id, "A key that a session holds must say so");
    if (session.behavior === "delete") kv.delete(key);
    else kv.set(key, kvRow({ ...row, modifyIndex: index, lock: { session: "", index: row.lock.index } }));
    if (session.lockDelayMs > 0) delays.set(key, Object.freeze({ until: time + session.lockDelayMs }));
  }
  sessions.delete(utf8(id));
  return { kind: "session-destroyed", locks: keys.length };
}

function acquire(tables: SessionTables, { index, time }: Moment, command: LockAcquire): SessionResult {
  const { sessions, delays, kv } = tables;
  const { key, value, session } = command;
  if (sessions.get(utf8(session)) === undefined) return { kind: "session-not-found" };
  const row = kv.get(key);
  const holder = row?.lock?.session ?? "";
  if (holder !== "" && holder !== session) return { kind: "lock-held", session: holder };
  const until = delays.get(key)?.until ?? 0;
  if (holder === "" && until > time) return { kind: "lock-delayed", remainingMs: until - time };
  if (until > 0) delays.delete(key);
  // The index of this entry: it rises even when the key was deleted, or a backup was put back.
  const lockIndex = holder === session ? (row?.lock?.index ?? index) : index;
  const { flags } = command;
  const createIndex = row?.createIndex ?? index;
  kv.set(key, kvRow({ value, flags, createIndex, modifyIndex: index, lock: { session, index: lockIndex } }));
  return { kind: "lock-acquired", modifyIndex: index, lockIndex };
}

function release({ kv }: SessionTables, { index }: Moment, command: LockRelease): SessionResult {
  const { key, value, session } = command;
  const row = kv.get(key);
  if (row?.lock?.session !== session) return { kind: "lock-held", session: row?.lock?.session ?? "" };
  const { flags } = command;
  const lockIndex = row.lock.index;
  kv.set(key, kvRow({ ...row, value, flags, modifyIndex: index, lock: { session: "", index: lockIndex } }));
  return { kind: "lock-released", modifyIndex: index, lockIndex };
}

/** Delays that are over mean nothing any more. */
function forgetOldDelays(delays: StateTable<LockDelayRow>, time: number): void {
  if (delays.size === 0) return;
  const old: Uint8Array[] = [];
  for (const [key, { until }] of delays.range({ from: new Uint8Array(0) })) if (until <= time) old.push(key);
  for (const key of old) delays.delete(key);
}
