import type { ByteReader, ByteWriter } from "../../base/index.ts";
import { InvalidCommand } from "../invalid-command.ts";
import type { Once } from "./once-command.ts";

/** Type bytes 0x70 to 0x7f belong to this domain. Part of the format: never reused. */
const TYPE = 0x70;
const KEY_BYTES_MAX = 512;

/** Writes type byte and fields. @throws InvalidCommand */
export function writeOnceCommand(writer: ByteWriter, { key, command }: Once): void {
  checkKey(key);
  writer.u8(TYPE).text(key).bytes(command);
}

/** Reads the fields behind a type byte; undefined: not of this domain. @throws InvalidCommand, MalformedBytes */
export function readOnceCommand(type: number, reader: ByteReader): Once | undefined {
  if (type !== TYPE) return undefined;
  const key = reader.text(KEY_BYTES_MAX);
  checkKey(key);
  return { kind: "once", key, command: reader.bytes() };
}

function checkKey(key: string): void {
  const size = Buffer.byteLength(key);
  if (size < 1 || size > KEY_BYTES_MAX)
    throw new InvalidCommand(`An idempotency key must have 1 to ${KEY_BYTES_MAX} bytes: it has ${size}`);
}
