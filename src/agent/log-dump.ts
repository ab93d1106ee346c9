import { err, fromUtf8, ok, parseMemberKey, type LogIndex, type Result } from "../base/index.ts";
import { decodeCommand } from "../fsm/index.ts";
import { decodeMembership, lastRecovered, type Entry } from "../raft/index.ts";
import { withFolderCopy, type FolderTrust } from "./folder-copy.ts";

export interface LogDump extends FolderTrust {
  readonly from: LogIndex;
  readonly to: LogIndex;
  /** Whether values of keys are shown, and not only their sizes; hashes of secrets never are. */
  readonly hasValues: boolean;
}

/** Fields of commands that hold bytes which name something. */
const NAMES = new Set(["key", "prefix"]);

/** Hands out the entries of a data folder's log as objects for JSON, in order. How many; the error is a sentence. */
export async function dumpLog(
  folder: string,
  dump: LogDump,
  write: (entry: Readonly<Record<string, unknown>>) => void,
): Promise<Result<number, string>> {
  const read = await withFolderCopy(folder, dump, async ({ stored, eachEntry }) => {
    const entries: Entry[] = [];
    const from = Math.max(dump.from, stored.base.index + 1);
    const problem = await eachEntry(from, Math.min(dump.to, lastRecovered(stored)), (entry) => entries.push(entry));
    return problem === undefined ? ok(entries) : err(`The log in ${folder} cannot be read: ${problem}`);
  });
  if (!read.ok) return read;
  // By now the copy is gone: whoever reads only the beginning may end this process.
  for (const entry of read.value) write(toFields(entry, dump.hasValues));
  return ok(read.value.length);
}

function toFields(entry: Entry, hasValues: boolean): Readonly<Record<string, unknown>> {
  const { index, term, kind, time, chain, data } = entry;
  const fields = { index, term, kind, time_ms: time, chain, bytes: data.length };
  if (kind === "command") return { ...fields, command: commandOf(data, hasValues) };
  return kind === "membership" ? { ...fields, membership: membershipOf(data) } : fields;
}

function ids(keys: readonly string[]): readonly string[] {
  return keys.map((key) => parseMemberKey(key).id);
}

function membershipOf(data: Uint8Array): unknown {
  const { voters, outgoing, learners, members } = decodeMembership(data);
  const addresses = Object.fromEntries([...members.values()].map(({ id, address }) => [id, address]));
  return { voters: ids(voters), outgoing: ids(outgoing), learners: ids(learners), addresses };
}

/** A command that this version does not know is no reason to stop: this is for people who look for what is wrong. */
function commandOf(data: Uint8Array, hasValues: boolean): unknown {
  try {
    return shown("", decodeCommand(data), hasValues);
  } catch (cause) {
    return { error: cause instanceof Error ? cause.message : String(cause) };
  }
}

function shown(name: string, value: unknown, hasValues: boolean): unknown {
  if (value instanceof Uint8Array) {
    if (NAMES.has(name)) return fromUtf8(value);
    // A command inside of another one.
    if (name === "command") return commandOf(value, hasValues);
    return hasValues ? Buffer.from(value).toString("base64") : `(${value.length} bytes)`;
  }
  if (name === "secretHash") return "(secret)";
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map((one: unknown) => shown(name, one, hasValues));
  if (typeof value !== "object" || value === null) return value;
  const fields: readonly (readonly [string, unknown])[] = Object.entries(value);
  return Object.fromEntries(fields.map(([own, inner]) => [own, shown(own, inner, hasValues)]));
}
