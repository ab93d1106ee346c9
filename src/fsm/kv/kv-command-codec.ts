import { unreachable, type ByteReader, type ByteWriter, type LogIndex } from "../../base/index.ts";
import { InvalidCommand } from "../invalid-command.ts";
import { COMMAND_LIMITS } from "../limits.ts";
import type { KvCommand, KvDeletePrefix, KvOperation } from "./kv-command.ts";

/** Type bytes 0x10 to 0x1f belong to this domain. Part of the format: never reused. */
export const KV_TYPES = { set: 0x10, delete: 0x11, deletePrefix: 0x12, txn: 0x13 } as const;

const OPERATIONS = { set: 1, delete: 2, get: 3, checkIndex: 4 } as const;
const FLAGS_MAX = 0xffff_ffff_ffff_ffffn;

/** Writes type byte and fields. @throws InvalidCommand */
export function writeKvCommand(writer: ByteWriter, command: KvCommand): void {
  switch (command.kind) {
    case "kv-set":
      checkKey(command.key);
      checkValue(command.value, command.flags);
      writeOptionalIndex(writer.u8(KV_TYPES.set).bytes(command.key), command.cas);
      writer.u64(command.flags).bytes(command.value);
      return;
    case "kv-delete":
      checkKey(command.key);
      writeOptionalIndex(writer.u8(KV_TYPES.delete).bytes(command.key), command.cas);
      return;
    case "kv-delete-prefix":
      checkDeletePrefix(command);
      writer.u8(KV_TYPES.deletePrefix).bytes(command.prefix).u32(command.limit);
      writer.u8(command.whenMore === "slice" ? 1 : 0);
      return;
    case "kv-txn":
      checkOperationCount(command.operations.length);
      writer.u8(KV_TYPES.txn).u16(command.operations.length);
      for (const operation of command.operations) writeOperation(writer, operation);
      return;
    default:
      return unreachable(command);
  }
}

/** Reads the fields behind a type byte; undefined when the type is not of this domain. @throws InvalidCommand, MalformedBytes */
export function readKvCommand(type: number, reader: ByteReader): KvCommand | undefined {
  if (type === KV_TYPES.set) {
    const key = readKey(reader);
    const cas = readOptionalIndex(reader);
    const flags = reader.u64();
    const value = readValue(reader);
    return cas === undefined ? { kind: "kv-set", key, value, flags } : { kind: "kv-set", key, value, flags, cas };
  }
  if (type === KV_TYPES.delete) {
    const key = readKey(reader);
    const cas = readOptionalIndex(reader);
    return cas === undefined ? { kind: "kv-delete", key } : { kind: "kv-delete", key, cas };
  }
  if (type === KV_TYPES.deletePrefix) return readDeletePrefix(reader);
  if (type === KV_TYPES.txn) return { kind: "kv-txn", operations: readOperations(reader) };
  return undefined;
}

function readDeletePrefix(reader: ByteReader): KvDeletePrefix {
  const prefix = reader.bytes(COMMAND_LIMITS.prefixBytesMax);
  const limit = reader.u32();
  const whenMore = readBoolean(reader) ? "slice" : "refuse";
  const command: KvDeletePrefix = { kind: "kv-delete-prefix", prefix, limit, whenMore };
  checkDeletePrefix(command);
  return command;
}

function readOperations(reader: ByteReader): readonly KvOperation[] {
  const count = reader.u16();
  checkOperationCount(count);
  const operations: KvOperation[] = [];
  for (let i = 0; i < count; i++) operations.push(readOperation(reader));
  return operations;
}

function writeOperation(writer: ByteWriter, operation: KvOperation): void {
  checkKey(operation.key);
  switch (operation.op) {
    case "set":
      checkValue(operation.value, operation.flags);
      writer.u8(OPERATIONS.set).bytes(operation.key).u64(operation.flags).bytes(operation.value);
      return;
    case "delete":
      writer.u8(OPERATIONS.delete).bytes(operation.key);
      return;
    case "get":
      writer.u8(OPERATIONS.get).bytes(operation.key);
      return;
    case "check-index":
      writer.u8(OPERATIONS.checkIndex).bytes(operation.key).u53(checkIndex(operation.index));
      return;
    default:
      return unreachable(operation);
  }
}

function readOperation(reader: ByteReader): KvOperation {
  const op = reader.u8();
  const key = readKey(reader);
  if (op === OPERATIONS.set) {
    const flags = reader.u64();
    return { op: "set", key, value: readValue(reader), flags };
  }
  if (op === OPERATIONS.delete) return { op: "delete", key };
  if (op === OPERATIONS.get) return { op: "get", key };
  if (op === OPERATIONS.checkIndex) return { op: "check-index", key, index: reader.u53() };
  throw new InvalidCommand(`A transaction has an operation that this program does not know: ${op}`);
}

function readKey(reader: ByteReader): Uint8Array {
  const key = reader.bytes(COMMAND_LIMITS.keyBytesMax);
  checkKey(key);
  return key;
}

function readValue(reader: ByteReader): Uint8Array {
  return reader.bytes(COMMAND_LIMITS.valueBytesMax);
}

function writeOptionalIndex(writer: ByteWriter, index: LogIndex | undefined): void {
  if (index === undefined) writer.u8(0);
  else writer.u8(1).u53(checkIndex(index));
}

function readOptionalIndex(reader: ByteReader): LogIndex | undefined {
  return readBoolean(reader) ? reader.u53() : undefined;
}

/** One byte, 0 or 1: so that a command has one encoding only. */
function readBoolean(reader: ByteReader): boolean {
  const byte = reader.u8();
  if (byte > 1) throw new InvalidCommand(`A yes-or-no byte must be 0 or 1: current value is ${byte}`);
  return byte === 1;
}

function checkKey(key: Uint8Array): void {
  if (key.length === 0 || key.length > COMMAND_LIMITS.keyBytesMax) {
    throw new InvalidCommand(`A key must have 1 to ${COMMAND_LIMITS.keyBytesMax} bytes: it has ${key.length}`);
  }
}

function checkValue(value: Uint8Array, flags: bigint): void {
  if (value.length > COMMAND_LIMITS.valueBytesMax) {
    throw new InvalidCommand(`A value must have at most ${COMMAND_LIMITS.valueBytesMax} bytes: it has ${value.length}`);
  }
  if (flags !== 0n && (flags < 0n || flags > FLAGS_MAX))
    throw new InvalidCommand(`Flags must be 0 to 2^64-1: current value is ${flags}`);
}

function checkDeletePrefix(command: KvDeletePrefix): void {
  const { prefixBytesMax, deletePrefixMax } = COMMAND_LIMITS;
  if (command.prefix.length > prefixBytesMax) {
    throw new InvalidCommand(`A prefix must have at most ${prefixBytesMax} bytes: it has ${command.prefix.length}`);
  }
  if (!Number.isInteger(command.limit) || command.limit < 1 || command.limit > deletePrefixMax) {
    throw new InvalidCommand(`A recursive delete's limit must be 1 to ${deletePrefixMax}: it is ${command.limit}`);
  }
}

function checkIndex(index: LogIndex): LogIndex {
  if (Number.isSafeInteger(index) && index >= 0) return index;
  throw new InvalidCommand(`An index must be a whole number from 0 to 2^53-1: current value is ${index}`);
}

function checkOperationCount(count: number): void {
  if (count < 1 || count > COMMAND_LIMITS.txnOperationsMax) {
    throw new InvalidCommand(
      `A transaction must have 1 to ${COMMAND_LIMITS.txnOperationsMax} operations: it has ${count}`,
    );
  }
}
