import { utf8, MalformedBytes, type ByteReader, type ByteWriter, type LogIndex } from "../../base/index.ts";
import type { RowFormat } from "../state/state-table.ts";
import type { SessionTerms } from "./session-command.ts";

/** A session. Frozen. Whether it was renewed is the leader's to know: it is in no row. */
export interface SessionRow extends SessionTerms {
  readonly createIndex: LogIndex;
}

export function sessionRow({ name, ttlMs, behavior, lockDelayMs, createIndex }: SessionRow): SessionRow {
  return Object.freeze({ name, ttlMs, behavior, lockDelayMs, createIndex });
}

/** A key whose holder ended: not to be acquired before this moment of cluster time, in ms. Frozen. */
export interface LockDelayRow {
  readonly until: number;
}

export function writeTerms(writer: ByteWriter, { name, ttlMs, behavior, lockDelayMs }: SessionTerms): void {
  writer
    .text(name)
    .u53(ttlMs)
    .u8(behavior === "delete" ? 1 : 0)
    .u53(lockDelayMs);
}

/** @throws MalformedBytes */
export function readTerms(reader: ByteReader): SessionTerms {
  const name = reader.text();
  const ttlMs = reader.u53();
  const behavior = reader.u8();
  if (behavior > 1) throw new MalformedBytes(`Cannot read a session's behavior ${behavior}`);
  return { name, ttlMs, behavior: behavior === 1 ? "delete" : "release", lockDelayMs: reader.u53() };
}

export const sessionRowFormat: RowFormat<SessionRow> = {
  section: 3,
  name: "sessions",
  write: (writer, row) => {
    writeTerms(writer, row);
    writer.u53(row.createIndex);
  },
  read: (reader) => {
    const terms = readTerms(reader);
    return sessionRow({ ...terms, createIndex: reader.u53() });
  },
  hash: (hasher, row) => {
    hasher
      .bytes(utf8(row.name))
      .number(row.ttlMs)
      .number(row.behavior === "delete" ? 1 : 0);
    hasher.number(row.lockDelayMs).number(row.createIndex);
  },
  sizeBytes: (row) => row.name.length + 32,
};

export const lockDelayRowFormat: RowFormat<LockDelayRow> = {
  section: 4,
  name: "lock-delays",
  write: (writer, row) => {
    writer.u53(row.until);
  },
  read: (reader) => Object.freeze({ until: reader.u53() }),
  hash: (hasher, row) => {
    hasher.number(row.until);
  },
  sizeBytes: () => 8,
};
