import { ByteReader, MalformedBytes, SpareWriter } from "../base/index.ts";
import { InvalidCommand } from "./invalid-command.ts";
import type { AclCommand } from "./acl/acl-command.ts";
import { readAclCommand, writeAclCommand } from "./acl/acl-command-codec.ts";
import type { KvCommand } from "./kv/kv-command.ts";
import type { ServiceCommand } from "./services/service-command.ts";
import { readServiceCommand, writeServiceCommand } from "./services/service-command-codec.ts";
import { readKvCommand, writeKvCommand } from "./kv/kv-command-codec.ts";

import type { RestoreCommand } from "./restore/restore-command.ts";
import { readRestoreCommand, writeRestoreCommand } from "./restore/restore-command-codec.ts";
import type { SettingsSet } from "./settings/settings-command.ts";
import { readSettingsCommand, writeSettingsCommand } from "./settings/settings-command-codec.ts";
import type { Once } from "./once/once-command.ts";
import { readOnceCommand, writeOnceCommand } from "./once/once-command-codec.ts";
import type { SessionCommand } from "./sessions/session-command.ts";
import { readSessionCommand, writeSessionCommand } from "./sessions/session-command-codec.ts";

/** What a log entry of kind `command` says. One member per domain. */
export type Command = KvCommand | ServiceCommand | SessionCommand | AclCommand | RestoreCommand | SettingsSet | Once;

/** First byte of every command. A changed meaning is a new command, not a new format of an old one. */
const COMMAND_FORMAT = 1;

/** Bytes that are no command this program knows. In a committed entry: the node stops, it never skips. */
export class UndecodableCommand extends Error {
  override readonly name = "UndecodableCommand";
}

export function isKvCommand(command: Command): command is KvCommand {
  return command.kind.startsWith("kv-");
}

export function isServiceCommand(command: Command): command is ServiceCommand {
  return command.kind.startsWith("service-");
}

export function isSessionCommand(command: Command): command is SessionCommand {
  return command.kind.startsWith("session-") || command.kind.startsWith("lock-");
}

export function isAclCommand(command: Command): command is AclCommand {
  return command.kind.startsWith("acl-");
}

export function isRestoreCommand(command: Command): command is RestoreCommand {
  return command.kind.startsWith("restore-");
}

/** Commands are written into it and copied out. */
const spare = new SpareWriter();

/** Version byte, type byte, fields. @throws InvalidCommand when a field is out of its bounds */
export function encodeCommand(command: Command): Uint8Array {
  const writer = spare.take().u8(COMMAND_FORMAT);
  // First what comes most.
  if (isKvCommand(command)) writeKvCommand(writer, command);
  else if (isServiceCommand(command)) writeServiceCommand(writer, command);
  else if (isSessionCommand(command)) writeSessionCommand(writer, command);
  else if (isAclCommand(command)) writeAclCommand(writer, command);
  else if (command.kind === "settings-set") writeSettingsCommand(writer, command);
  else if (isRestoreCommand(command)) writeRestoreCommand(writer, command);
  else writeOnceCommand(writer, command);
  const bytes = writer.finish();
  spare.giveBack(writer);
  return bytes;
}

/**
 * The way back; a command has exactly one encoding. The leader decodes what it is about to propose, so that
 * nothing undecodable is ever appended. @throws UndecodableCommand
 */
export function decodeCommand(bytes: Uint8Array): Command {
  const reader = new ByteReader(bytes);
  try {
    const format = reader.u8();
    if (format !== COMMAND_FORMAT) {
      throw new InvalidCommand(`A command must have version ${COMMAND_FORMAT}: it has ${format}`);
    }
    const type = reader.u8();
    const command =
      readKvCommand(type, reader) ??
      readServiceCommand(type, reader) ??
      readSessionCommand(type, reader) ??
      readAclCommand(type, reader) ??
      readRestoreCommand(type, reader) ??
      readSettingsCommand(type, reader) ??
      readOnceCommand(type, reader);
    if (command === undefined) throw new InvalidCommand(`A command has a type this program does not know: ${type}`);
    reader.end();
    if (command.kind === "once" && decodeCommand(command.command).kind === "once") {
      throw new InvalidCommand("A command that is done once must not hold another one of its kind");
    }
    return command;
  } catch (cause) {
    if (cause instanceof InvalidCommand || cause instanceof MalformedBytes) {
      throw new UndecodableCommand(`Cannot decode a command of ${bytes.length} bytes: ${cause.message}`, { cause });
    }
    throw cause;
  }
}
