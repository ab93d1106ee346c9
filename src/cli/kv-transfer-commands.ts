import { readFileSync } from "node:fs";
import { Client, failure } from "./client.ts";
import { CommandFailed, type Invocation } from "./command.ts";
import { print } from "./output.ts";
import { write } from "./standard-output.ts";
import { unreadable } from "./unreadable.ts";

const PAGE = 1000;
const BATCH_OPERATIONS = 64;
const BATCH_CHARACTERS = 256 * 1024;

/** A key as it goes out and in: text where it is UTF-8. */
interface Line {
  readonly key: string;
  readonly value?: string;
  readonly value_base64?: string;
  /** Decimal digits: up to 2^64-1. */
  readonly flags: string;
}

/** All keys under a prefix, page by page: each page is one moment, the whole is not. */
export async function exportKeys(call: Invocation): Promise<number> {
  const [prefix = ""] = call.positions;
  const client = new Client(call);
  const isConsul = call.flags.has("consul");
  const all: string[] = [];
  for (let after: string | undefined; ;) {
    const query = new URLSearchParams({ prefix, limit: String(PAGE) });
    if (after !== undefined) query.set("after", after);
    if (call.flags.has("consistent")) query.set("consistent", "true");
    const answer = await client.request("GET", `/kv/?${query.toString()}`);
    if (answer.status >= 300) throw failure(answer);
    const body = parse(new TextDecoder().decode(answer.bytes), "the agent's answer");
    const entries = isRecord(body) && Array.isArray(body["entries"]) ? body["entries"] : [];
    const lines = entries.map((entry: unknown) => toLine(entry, "the agent's answer"));
    if (isConsul) all.push(...lines.map(consulEntry));
    else await write(lines.map((line) => `${lineText(line)}\n`).join(""));
    const next: unknown = isRecord(body) ? body["next"] : undefined;
    if (typeof next !== "string") break;
    after = next;
  }
  if (isConsul) print(`[\n${all.join(",\n")}\n]`);
  return 0;
}

/** Reads JSON lines, or Consul's array. Everything is checked before anything is written. */
export async function importKeys(call: Invocation): Promise<number> {
  const [file = "-"] = call.positions;
  const lines = parseImport(await readAll(file), file);
  const client = new Client(call);
  let done = 0;
  for (const batch of batches(lines)) {
    const body = `{"operations":[${batch.map(operationText).join(",")}]}`;
    const answer = await client.request("POST", "/kv/txn", new TextEncoder().encode(body), "application/json");
    if (answer.status >= 300) {
      const { message } = failure(answer);
      throw new CommandFailed(`${done} of ${lines.length} keys are imported, then: ${message}`);
    }
    done += batch.length;
  }
  process.stderr.write(`Imported ${done} keys\n`);
  return 0;
}

async function readAll(file: string): Promise<string> {
  if (file === "-") return Bun.stdin.text();
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function parseImport(text: string, file: string): readonly Line[] {
  if (text.trimStart().startsWith("[")) {
    const list = parse(text, file);
    if (!Array.isArray(list)) throw new CommandFailed(`${file} is no list of keys`);
    return list.map((entry: unknown, at) => fromConsul(entry, `entry ${at + 1} of ${file}`));
  }
  return text.split("\n").flatMap((line, at) => {
    const place = `line ${at + 1} of ${file}`;
    return line.trim() === "" ? [] : [toLine(parse(line, place), place)];
  });
}

/** Numbers in `flags` keep all their digits. */
function parse(text: string, place: string): unknown {
  try {
    return JSON.parse(text, (name: string, value: unknown, context?: { readonly source?: string }) =>
      name === "flags" && typeof value === "number" ? (context?.source ?? String(value)) : value,
    );
  } catch (cause) {
    throw new CommandFailed(`${place} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function toLine(entry: unknown, place: string): Line {
  const { key, value, value_base64: base64, flags = "0" } = isRecord(entry) ? entry : {};
  if (typeof key !== "string" || key === "") throw new CommandFailed(`${place} has no key`);
  if (!/^\d{1,20}$/.test(String(flags))) throw new CommandFailed(`${place} has flags that are no number`);
  if (typeof value === "string") return { key, value, flags: String(flags) };
  if (typeof base64 === "string") return { key, value_base64: base64, flags: String(flags) };
  throw new CommandFailed(`${place} has neither value nor value_base64`);
}

/** Consul writes every value as base64, and an empty one as "". */
function fromConsul(entry: unknown, place: string): Line {
  const { key, value, flags } = isRecord(entry) ? entry : {};
  return toLine({ key, value_base64: value ?? "", flags }, place);
}

function consulEntry({ key, value, value_base64: base64, flags }: Line): string {
  const encoded = base64 ?? Buffer.from(value ?? "", "utf8").toString("base64");
  return `\t{\n\t\t"key": ${JSON.stringify(key)},\n\t\t"flags": ${flags},\n\t\t"value": "${encoded}"\n\t}`;
}

function lineText(line: Line): string {
  const { flags, ...rest } = line;
  return `${JSON.stringify(rest).slice(0, -1)},"flags":${flags}}`;
}

function operationText(line: Line): string {
  return `{"op":"set",${JSON.stringify(line).slice(1)}`;
}

function batches(lines: readonly Line[]): readonly (readonly Line[])[] {
  const all: Line[][] = [];
  let size = 0;
  for (const line of lines) {
    const length = (line.value ?? line.value_base64 ?? "").length;
    const last = all.at(-1);
    if (last === undefined || last.length >= BATCH_OPERATIONS || size + length > BATCH_CHARACTERS) {
      all.push([line]);
      size = length;
    } else {
      last.push(line);
      size += length;
    }
  }
  return all;
}
