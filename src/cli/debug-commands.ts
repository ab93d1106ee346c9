import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { VERSION, COMMIT } from "../base/index.ts";
import { Client } from "./client.ts";
import { CommandFailed, UsageError, type Invocation } from "./command.ts";
import { toRecord } from "./json-record.ts";
import { print, printJson, text } from "./output.ts";

const PROFILE_SECONDS_MAX = 60;

/** Files of a bundle that are answers of the agent as they are. */
const ROUTES: Readonly<Record<string, string>> = {
  "status.json": "/cluster/status",
  "health.json": "/health",
  "ready.json": "/health/ready",
  "config.json": "/cluster/config",
  "autopilot.json": "/cluster/autopilot",
  "autopilot-state.json": "/cluster/autopilot/state",
  "metrics.txt": "/metrics",
};

/** Gathers what somebody else needs to see what is wrong, without secrets and without what clients stored. */
export async function debug(call: Invocation): Promise<number> {
  const seconds = integer(call, "profile", 5, PROFILE_SECONDS_MAX);
  const client = new Client(call);
  const files = new Map<string, string>();
  const problems: string[] = [];
  const own = await agentFiles(client, seconds, problems);
  for (const [name, content] of own.files) files.set(name, content);
  for (const [name, path] of Object.entries(ROUTES)) {
    try {
      files.set(name, new TextDecoder().decode((await client.request("GET", path)).bytes));
    } catch (cause) {
      if (!(cause instanceof CommandFailed)) throw cause;
      problems.push(`${name}: ${cause.message}`);
    }
  }
  if (files.size === 0) throw new CommandFailed(problems[0] ?? "The agent gave nothing");
  if (problems.length > 0) files.set("problems.txt", `${problems.join("\n")}\n`);
  const out = resolve(call.flags.get("out")?.[0] ?? `konsul-debug-${stamp()}.tar.gz`);
  await write(out, files);
  if (call.flags.has("json")) printJson({ file: out, parts: [...files.keys()], problems });
  else {
    print(`Wrote ${out}: ${[...files.keys()].join(", ")}`);
    for (const problem of problems) process.stderr.write(`konsul: ${problem}\n`);
  }
  return problems.length === 0 ? 0 : 1;
}

interface Gathered {
  readonly files: readonly (readonly [string, string])[];
}

/** What only the agent itself can say: settings, log lines, versions, a profile. */
async function agentFiles(client: Client, seconds: number, problems: string[]): Promise<Gathered> {
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of client.download(`/debug?profile=${seconds}`)) chunks.push(chunk);
    const { settings, log, profile, ...versions } = toRecord(Buffer.concat(chunks));
    const lines = Array.isArray(log) ? log.map(text) : [];
    const client_version = { version: VERSION, commit: COMMIT };
    return {
      files: [
        ["versions.json", pretty({ ...versions, client: client_version })],
        ["settings.json", pretty(settings)],
        ["log.txt", lines.map((line) => `${line}\n`).join("")],
        ...(seconds === 0 ? [] : ([["processor.cpuprofile", JSON.stringify(profile)]] as const)),
      ],
    };
  } catch (cause) {
    if (!(cause instanceof CommandFailed)) throw cause;
    problems.push(`settings, log and profile: ${cause.message}`);
    return { files: [] };
  }
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** An archive by its name, or a folder with the files. */
async function write(out: string, files: ReadonlyMap<string, string>): Promise<void> {
  try {
    if (/\.(?:tar\.gz|tgz)$/.test(out)) {
      const folder = out.replace(/^.*\/|\.(?:tar\.gz|tgz)$/g, "");
      const content = Object.fromEntries([...files].map(([name, body]) => [`${folder}/${name}`, body]));
      await Bun.write(out, await new Bun.Archive(content, { compress: "gzip" }).bytes());
      return;
    }
    mkdirSync(out, { recursive: true });
    for (const [name, body] of files) writeFileSync(join(out, name), body);
  } catch (cause) {
    throw new CommandFailed(
      `Cannot write ${out}: ${cause instanceof Error ? cause.message : String(cause)}. Name another place with --out`,
    );
  }
}

function stamp(): string {
  return new Date().toISOString().replaceAll(/[:-]|\.\d+/g, "");
}

function integer(call: Invocation, name: string, otherwise: number, max: number): number {
  const written = call.flags.get(name)?.[0];
  if (written === undefined) return otherwise;
  if (!/^\d{1,15}$/.test(written) || Number(written) > max) {
    throw new UsageError(`--${name} must be a whole number from 0 to ${max}: it is "${written}"`);
  }
  return Number(written);
}

/** Entries of a log as JSON lines, offline: what is in a folder, not what an agent makes of it. */
export async function debugLog(call: Invocation): Promise<number> {
  const { dumpLog } = await import("../agent/index.ts");
  const [folder = ""] = call.positions;
  const dump = {
    from: integer(call, "from", 0, Number.MAX_SAFE_INTEGER),
    to: integer(call, "to", Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    hasValues: call.flags.has("values"),
    acceptLoss: call.flags.has("accept-loss"),
  };
  const dumped = await dumpLog(resolve(folder), dump, (entry) => print(JSON.stringify(entry)));
  if (!dumped.ok) throw new CommandFailed(dumped.error);
  return 0;
}
