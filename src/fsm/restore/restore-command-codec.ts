import { unreachable, type ByteReader, type ByteWriter } from "../../base/index.ts";
import { InvalidCommand } from "../invalid-command.ts";
import type { RestoreCommand } from "./restore-command.ts";

/** Type bytes 0x60 to 0x6f belong to this domain. Part of the format: never reused. */
const TYPES = { begin: 0x60, chunk: 0x61, commit: 0x62, abort: 0x63 } as const;

/** An entry is at most about as large as a transaction. */
export const RESTORE_CHUNK_BYTES_MAX = 1024 * 1024;

/** Writes type byte and fields. @throws InvalidCommand */
export function writeRestoreCommand(writer: ByteWriter, command: RestoreCommand): void {
  checkId(command.id);
  switch (command.kind) {
    case "restore-begin":
      writer.u8(TYPES.begin).text(command.id);
      return;
    case "restore-chunk":
      if (command.bytes.length === 0 || command.bytes.length > RESTORE_CHUNK_BYTES_MAX)
        throw new InvalidCommand(`A part of a backup must have 1 to ${RESTORE_CHUNK_BYTES_MAX} bytes`);
      writer.u8(TYPES.chunk).text(command.id).u32(command.number).bytes(command.bytes);
      return;
    case "restore-commit": {
      const { id, chunks, index, time, stateHash, hashVersion } = command;
      checkHash(stateHash);
      writer.u8(TYPES.commit).text(id).u32(chunks).u53(index).u53(time).text(stateHash).u8(hashVersion);
      return;
    }
    case "restore-abort":
      writer.u8(TYPES.abort).text(command.id);
      return;
    default:
      return unreachable(command);
  }
}

/** Reads the fields behind a type byte; undefined: not of this domain. @throws InvalidCommand, MalformedBytes */
export function readRestoreCommand(type: number, reader: ByteReader): RestoreCommand | undefined {
  if (type === TYPES.begin) return { kind: "restore-begin", id: readId(reader) };
  if (type === TYPES.abort) return { kind: "restore-abort", id: readId(reader) };
  if (type === TYPES.chunk) {
    const [id, number] = [readId(reader), reader.u32()];
    const bytes = reader.bytes(RESTORE_CHUNK_BYTES_MAX);
    if (bytes.length === 0) throw new InvalidCommand("A part of a backup must not be empty");
    return { kind: "restore-chunk", id, number, bytes };
  }
  if (type === TYPES.commit) {
    const [id, chunks] = [readId(reader), reader.u32()];
    const [index, time, stateHash] = [reader.u53(), reader.u53(), reader.text(16)];
    checkHash(stateHash);
    return { kind: "restore-commit", id, chunks, index, time, stateHash, hashVersion: reader.u8() };
  }
  return undefined;
}

function readId(reader: ByteReader): string {
  const id = reader.text(64);
  checkId(id);
  return id;
}

function checkId(id: string): void {
  if (!/^[\w-]{1,64}$/.test(id)) throw new InvalidCommand("A restore's id must be 1 to 64 letters, digits and dashes");
}

function checkHash(hash: string): void {
  if (!/^[0-9a-f]{16}$/.test(hash)) throw new InvalidCommand("A state hash must be 16 hex digits");
}
