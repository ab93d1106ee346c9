import { writeSync } from "node:fs";
import { openLogStore } from "../../src/storage/index.ts";
import { BOOT, bootstrapModel, IDENTITY, nextStep, type LogModel } from "./log-model.ts";

// Runs the workload of a seed on a data folder, from wherever the folder stands, and reports every acknowledged
// transaction by its number. Meant to be killed.
const [dataDir = "", seedText = "0", synchronous, lastSeq = "1000000"] = process.argv.slice(2);
const seed = Number(seedText);

const opened = await openLogStore({
  dataDir,
  boot: BOOT,
  synchronous: synchronous === "NORMAL" ? "NORMAL" : "FULL",
});
if (opened.kind !== "opened") {
  report(`refused ${opened.kind} ${opened.message}`);
  process.exit(3);
}
const { store } = opened;

function report(line: string): void {
  writeSync(1, `${line}\n`);
}

function run(model: LogModel): void {
  const { operations, after } = nextStep(model, seed, model.seq);
  store.persist(operations, 0, (result) => {
    report(result.ok ? `ack ${result.value.seq}` : `failed ${result.error.kind} ${result.error.message}`);
    if (after.seq >= Number(lastSeq)) process.exit(0);
    if (result.ok) run(after);
  });
}

report("ready");
if (store.initial.identity === undefined) {
  const first = bootstrapModel();
  store.bootstrap(IDENTITY, first, (result) => {
    if (!result.ok) return report(`failed ${result.error.kind}`);
    report("ack 1");
    run(first);
  });
} else {
  let model = bootstrapModel();
  while (model.seq < store.initial.seq) model = nextStep(model, seed, model.seq).after;
  run(model);
}
