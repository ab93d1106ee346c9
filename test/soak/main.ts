// bun run soak [--minutes N] [--seed S] [--patience X]: clients of every kind on five nodes under faults; exit code 0: nothing was found.
import { parseArgs } from "node:util";
import { whyNoNetwork } from "./network.ts";
import { describe, failuresOf } from "./report.ts";
import { runSoak } from "./run-soak.ts";

const { values } = parseArgs({
  options: { minutes: { type: "string" }, seed: { type: "string" }, patience: { type: "string" } },
});
const minutes = Number(values.minutes ?? 30);
const patience = Number(values.patience ?? 1);
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const missing = whyNoNetwork();
if (missing !== undefined || !(minutes > 0) || !(patience >= 1) || !Number.isSafeInteger(seed)) {
  process.stderr.write(`cannot soak: ${missing ?? "--minutes, --seed and --patience must be numbers"}\n`);
  process.exit(2);
}
const startedAt = performance.now();
const result = await runSoak({
  minutes,
  seed,
  patience,
  say: (line) => say(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(5)} s  ${line}`),
});
say(describe(result));
process.exit(failuresOf(result).length === 0 ? 0 : 1);
