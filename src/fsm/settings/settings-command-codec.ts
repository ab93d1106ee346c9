import type { ByteReader, ByteWriter } from "../../base/index.ts";
import { InvalidCommand } from "../invalid-command.ts";
import type { SettingsSet } from "./settings-command.ts";

/** Type bytes 0x40 to 0x4f belong to this domain. Part of the format: never reused. */
const TYPE = 0x40;
const TEXT_BYTES_MAX = 16 * 1024;

/** Writes type byte and fields. @throws InvalidCommand */
export function writeSettingsCommand(writer: ByteWriter, command: SettingsSet): void {
  check(command);
  writer.u8(TYPE).text(command.name).text(command.text);
}

/** Reads the fields behind a type byte; undefined: not of this domain. @throws InvalidCommand, MalformedBytes */
export function readSettingsCommand(type: number, reader: ByteReader): SettingsSet | undefined {
  if (type !== TYPE) return undefined;
  const command: SettingsSet = { kind: "settings-set", name: reader.text(64), text: reader.text(TEXT_BYTES_MAX) };
  check(command);
  return command;
}

function check({ name, text }: SettingsSet): void {
  if (!/^[\w-]{1,64}$/.test(name)) throw new InvalidCommand("A group of settings must have 1 to 64 letters and dashes");
  if (Buffer.byteLength(text) > TEXT_BYTES_MAX)
    throw new InvalidCommand(`A group of settings must have at most ${TEXT_BYTES_MAX} bytes`);
}
