import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { KONSUL } from "../e2e/agent-process.ts";
import { say } from "./bench.ts";

const HISTORY = join(import.meta.dir, "history.jsonl");

type Line = Readonly<Record<string, unknown>>;

/** Appends one line to the history, and says what the ratios were the last time, so that a regression shows. */
export function record(bench: string, figures: Line): void {
  const { length: cores, 0: cpu } = cpus();
  const line = {
    at: new Date().toISOString(),
    bench,
    build: firstLine([KONSUL, "version"]),
    beside: Bun.which("etcd") === null ? undefined : firstLine(["etcd", "--version"]),
    machine: `${cores} × ${cpu?.model ?? "unknown"}`,
    ...figures,
  };
  const before = existsSync(HISTORY) ? lastLike(line, readFileSync(HISTORY, "utf8")) : undefined;
  if (before !== undefined) {
    const [now, then] = [ratiosOf(line), ratiosOf(before)];
    for (const [name, ratio] of now) {
      const old = then.get(name);
      if (old !== undefined) say(`${bench}, ${name}: ${ratio.toFixed(2)}, the time before ${old.toFixed(2)}`);
    }
  }
  appendFileSync(HISTORY, `${JSON.stringify(line)}\n`);
}

/** The newest line of the same benchmark with as many keys; one that was cut off is none. */
export function lastLike({ bench, keys }: Line, history: string): Line | undefined {
  for (const text of history.split("\n").toReversed()) {
    const line = parsed(text);
    if (line !== undefined && line["bench"] === bench && line["keys"] === keys) return line;
  }
  return undefined;
}

function parsed(text: string): Line | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === "object" && line !== null ? { ...line } : undefined;
  } catch {
    return undefined;
  }
}

/** Everything of a line that holds on other machines, too: what one side is of the other, by its path. */
export function ratiosOf(line: Line, path: readonly string[] = []): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const [name, value] of Object.entries(line)) {
    if (typeof value === "number" && /^(ratio|share|over.*)$/.test(name)) found.set([...path, name].join(", "), value);
    if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
    for (const [inner, ratio] of ratiosOf({ ...value }, [...path, name])) found.set(inner, ratio);
  }
  return found;
}

function firstLine(command: readonly string[]): string | undefined {
  const ran = Bun.spawnSync([...command], { stderr: "ignore" });
  return ran.success ? ran.stdout.toString().split("\n")[0] : undefined;
}
