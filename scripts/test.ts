// Runs the parts of the test suite and prints one closing line that counts real tests.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { PARTS, type Part } from "./parts.ts";
import { addCounts, countsOf, type Counts } from "./test-counts.ts";

const root = join(import.meta.dir, "..");
const { isLong, only } = readOptions();
const children = new Set<Bun.Subprocess>();

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

interface Options {
  readonly isLong: boolean;
  readonly only: ReadonlySet<string> | undefined;
}

/** Ends the process where there is nothing to run. */
function readOptions(): Options {
  const names = PARTS.map(({ name }) => name);
  const usage = `scripts/test [--only PART,…] [--long] [--system]
  --only     runs these parts, in their own order: ${names.join(", ")}
  --long     longer histories, more rounds
  --system   installs Debian's packages that optional tests need (as on CI)`;
  try {
    const { values } = parseArgs({
      options: {
        help: { type: "boolean" },
        long: { type: "boolean" },
        system: { type: "boolean" },
        only: { type: "string", multiple: true },
      },
    });
    if (values.help === true) {
      say(usage);
      process.exit(0);
    }
    const chosen = values.only?.flatMap((list) => list.split(","));
    const unknown = chosen?.find((name) => !names.includes(name));
    if (unknown !== undefined) throw new TypeError(`There is no part "${unknown}"`);
    return { isLong: values.long === true, only: chosen === undefined ? undefined : new Set(chosen) };
  } catch (cause) {
    process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n${usage}\n`);
    return process.exit(2);
  }
}

function stopChildren(): void {
  for (const child of children) child.kill("SIGTERM");
}

async function run(part: Part): Promise<Counts> {
  const startedAt = performance.now();
  const child = Bun.spawn([...part.command], {
    cwd: root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: {
      ...process.env,
      PATH: `${join(root, "node_modules", ".bin")}:${process.env["PATH"] ?? ""}`,
      KONSUL_BIN: join(root, "dist", "konsul"),
      ...(isLong ? { KONSUL_LONG: "1" } : {}),
    },
  });
  children.add(child);
  const [out, problems] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const exitCode = await child.exited;
  children.delete(child);
  const output = `${out}\n${problems}`;
  const counts = countsOf(part, output, exitCode);
  const seconds = (performance.now() - startedAt) / 1000;
  const verdict = counts.failed === 0 ? "ok" : "FAILED";
  say(
    `${part.name.padEnd(16)} ${verdict.padEnd(7)} ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped, in ${seconds.toFixed(1)} s`,
  );
  for (const line of output.split("\n")) if (/^(skip|note|figure):/i.test(line)) say(`    ${line}`);
  if (seconds > 120 * part.shareMinutes) say(`    warning: twice its share of ${part.shareMinutes} minutes`);
  if (counts.failed > 0) {
    const lines = output.split("\n");
    const failures = lines.filter((line) => /\(fail\)|^seed \d+ broke|^SURVIVED/.test(line));
    say([...failures.slice(0, 40), ...lines.slice(-80)].map((line) => `    ${line}`).join("\n"));
  }
  return counts;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    stopChildren();
    process.exit(1);
  });
}

let total: Counts = { passed: 0, failed: 0, skipped: 0 };
for (const part of PARTS) {
  if (only?.has(part.name) === false) continue;
  if (part.needs !== undefined && new Bun.Glob(part.needs).scanSync({ cwd: root }).next().done === true) continue;
  total = addCounts(total, await run(part));
}
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
say(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
