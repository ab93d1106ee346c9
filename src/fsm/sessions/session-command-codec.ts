import { unreachable, type ByteReader, type ByteWriter } from "../../base/index.ts";
import { InvalidCommand } from "../invalid-command.ts";
import { COMMAND_LIMITS } from "../limits.ts";
import type { LockAcquire, LockRelease, SessionCommand, SessionTerms } from "./session-command.ts";
import { readTerms, writeTerms } from "./session-row.ts";

/** Type bytes 0x30 to 0x3f belong to this domain. Part of the format: never reused. */
const TYPES = { create: 0x30, destroy: 0x31, acquire: 0x32, release: 0x33 } as const;

/** Bounds of the format, the same on every node for ever. */
export const SESSION_LIMITS = {
  idBytesMax: 64,
  nameBytesMax: 1024,
  /** A year. */
  ttlMsMax: 366 * 86_400_000,
  lockDelayMsMax: 86_400_000,
} as const;

/** Writes type byte and fields. @throws InvalidCommand */
export function writeSessionCommand(writer: ByteWriter, command: SessionCommand): void {
  switch (command.kind) {
    case "session-create":
      checkId(command.id);
      checkTerms(command.terms);
      writeTerms(writer.u8(TYPES.create).text(command.id), command.terms);
      return;
    case "session-destroy":
      checkId(command.id);
      writer.u8(TYPES.destroy).text(command.id);
      return;
    case "lock-acquire":
      writeLock(writer.u8(TYPES.acquire), command);
      return;
    case "lock-release":
      writeLock(writer.u8(TYPES.release), command);
      return;
    default:
      return unreachable(command);
  }
}

/** Reads the fields behind a type byte; undefined: not of this domain. @throws InvalidCommand, MalformedBytes */
export function readSessionCommand(type: number, reader: ByteReader): SessionCommand | undefined {
  if (type === TYPES.create) {
    const id = readId(reader);
    const terms = readTerms(reader);
    checkTerms(terms);
    return { kind: "session-create", id, terms };
  }
  if (type === TYPES.destroy) return { kind: "session-destroy", id: readId(reader) };
  if (type === TYPES.acquire) return { kind: "lock-acquire", ...readLock(reader) };
  if (type === TYPES.release) return { kind: "lock-release", ...readLock(reader) };
  return undefined;
}

type Lock = Omit<LockAcquire | LockRelease, "kind">;

function writeLock(writer: ByteWriter, { session, key, flags, value }: Lock): void {
  checkId(session);
  checkKey(key);
  if (value.length > COMMAND_LIMITS.valueBytesMax)
    throw new InvalidCommand(`A value must have at most ${COMMAND_LIMITS.valueBytesMax} bytes: it has ${value.length}`);
  if (flags < 0n || flags > 0xffff_ffff_ffff_ffffn)
    throw new InvalidCommand(`Flags must be 0 to 2^64-1: current value is ${flags}`);
  writer.text(session).bytes(key).u64(flags).bytes(value);
}

function readLock(reader: ByteReader): Lock {
  const session = readId(reader);
  const key = reader.bytes(COMMAND_LIMITS.keyBytesMax);
  checkKey(key);
  const flags = reader.u64();
  return { session, key, flags, value: reader.bytes(COMMAND_LIMITS.valueBytesMax) };
}

function readId(reader: ByteReader): string {
  const id = reader.text(SESSION_LIMITS.idBytesMax);
  checkId(id);
  return id;
}

function checkId(id: string): void {
  const size = Buffer.byteLength(id);
  if (size < 1 || size > SESSION_LIMITS.idBytesMax)
    throw new InvalidCommand(`A session's id must have 1 to ${SESSION_LIMITS.idBytesMax} bytes: it has ${size}`);
}

function checkKey(key: Uint8Array): void {
  if (key.length === 0 || key.length > COMMAND_LIMITS.keyBytesMax)
    throw new InvalidCommand(`A key must have 1 to ${COMMAND_LIMITS.keyBytesMax} bytes: it has ${key.length}`);
}

function checkTerms({ name, ttlMs, lockDelayMs }: SessionTerms): void {
  if (Buffer.byteLength(name) > SESSION_LIMITS.nameBytesMax)
    throw new InvalidCommand(`A session's name must have at most ${SESSION_LIMITS.nameBytesMax} bytes`);
  checkRange("TTL", ttlMs, SESSION_LIMITS.ttlMsMax);
  checkRange("lock delay", lockDelayMs, SESSION_LIMITS.lockDelayMsMax);
}

function checkRange(what: string, value: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > max)
    throw new InvalidCommand(`A session's ${what} must be a whole number from 0 to ${max} ms: it is ${value}`);
}
