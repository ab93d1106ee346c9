import { closeSync, createReadStream, existsSync, fsyncSync, openSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { inspectBackup, type BackupSummary } from "../http/index.ts";
import { Client } from "./client.ts";
import { CommandFailed, type Invocation } from "./command.ts";
import { giveName } from "./give-name.ts";
import { counted, print, printJson, table } from "./output.ts";
import { unreadable } from "./unreadable.ts";

/** Writes a backup; the file is there only once it was read back and found whole. */
export async function save(call: Invocation): Promise<number> {
  const [file = ""] = call.positions;
  if (existsSync(file)) throw new CommandFailed(`${file} exists already, and is not overwritten: name another file`);
  // Of its own: another one that is saved to the same file at the same time is whole as well.
  const part = `${file}.part-${crypto.randomUUID()}`;
  const { unfinished } = await import("../agent/index.ts");
  const half = unfinished(part);
  try {
    await fill(openSync(part, "wx", 0o600), new Client(call).download("/snapshot"));
    const summary = await read(part);
    giveName(part, file);
    syncFolderOf(file);
    return show(call, summary, `Saved ${file}`);
  } catch (cause) {
    if (cause instanceof Error && "syscall" in cause) throw unwritable(file, cause);
    throw cause;
  } finally {
    half.remove();
  }
}

/** `writeSync` might write only a part of a chunk. */
async function fill(fd: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of chunks) writeFileSync(fd, chunk);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export async function inspect(call: Invocation): Promise<number> {
  const [file = ""] = call.positions;
  return show(call, await read(file), `${file} is whole`);
}

/** Checked here as a whole before anything is sent. */
export async function restore(call: Invocation): Promise<number> {
  const [file = ""] = call.positions;
  const summary = await read(file);
  if (!call.flags.has("yes")) {
    throw new CommandFailed(
      `This replaces ALL data of the cluster by the ${counted(summary.keys, "key")} and ${counted(summary.services, "service")} of ${summary.takenAt}, ` +
        "ends all sessions, and brings back the access tokens of that time. Say --yes if that is what you want",
    );
  }
  const body = await new Client(call).upload("PUT", "/snapshot", Bun.file(file));
  if (call.flags.has("json")) printJson(body);
  else process.stderr.write(`Restored ${counted(body["keys"], "key")} and ${counted(body["services"], "service")}\n`);
  return 0;
}

function unwritable(file: string, { message }: Error): CommandFailed {
  const folder = dirname(resolve(file));
  return new CommandFailed(`Cannot write ${file}: ${existsSync(folder) ? message : `there is no folder ${folder}`}`);
}

/** Only then the name outlives a power cut. */
function syncFolderOf(file: string): void {
  const fd = openSync(dirname(resolve(file)), "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

async function read(file: string): Promise<BackupSummary> {
  try {
    const chunks: AsyncIterable<Uint8Array> = createReadStream(file);
    return await inspectBackup(chunks);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof Error && "syscall" in cause) throw unreadable(file, cause);
    throw new CommandFailed(`${file} is no good backup: ${why}`);
  }
}

function show(call: Invocation, summary: BackupSummary, message: string): number {
  const { clusterId, index, version, takenAt, stateHash, stateBytes, keys, services, sessions, tokens } = summary;
  const fields = {
    cluster_id: clusterId,
    index,
    taken_at: takenAt,
    konsul_version: version,
    keys,
    services,
    sessions,
    tokens,
    state_bytes: stateBytes,
    state_hash: stateHash,
  };
  if (call.flags.has("json")) printJson(fields);
  else {
    process.stderr.write(`${message}\n`);
    print(
      table(
        ["FIELD", "VALUE"],
        Object.entries(fields).map(([name, value]) => [name, String(value)]),
      ),
    );
  }
  return 0;
}
