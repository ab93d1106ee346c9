import { afterAll, expect, test } from "bun:test";
import { cleanUp } from "../agent-process.ts";
import { readPages, type Block } from "./pages.ts";
import { Runbook } from "./run-runbook.ts";

const RUNBOOK_MS_MAX = 180_000;

afterAll(cleanUp);

const blocks = readPages();
const runbooks = Map.groupBy(
  blocks.filter(({ tags }) => tags.has("run")),
  ({ tags }) => tags.get("run") ?? "",
);

function steps(of: readonly Block[]): number {
  return of.filter(({ language, tags }) => language === "sh" && !tags.has("file")).length;
}

for (const [at, [name, own]] of [...runbooks].entries()) {
  test(
    `the runbook ${name} works as it is printed (${own[0]?.place})`,
    async () => {
      const runbook = new Runbook(at);
      try {
        for (const block of own) await runbook.run(block);
      } finally {
        runbook.end();
      }
      expect(steps(own)).toBeGreaterThan(0);
    },
    RUNBOOK_MS_MAX,
  );
}

test("what no test runs is counted, with its reason", () => {
  const left = blocks.filter(({ tags }) => tags.has("not-run"));
  const run = blocks.filter(({ language, tags }) => language === "sh" && tags.has("run"));
  for (const { place, tags } of left) process.stderr.write(`    note: not run: ${place}: ${tags.get("not-run")}\n`);
  process.stderr.write(`    figure: ${run.length} steps of ${runbooks.size} runbooks run, ${left.length} not\n`);
  expect(run.length).toBeGreaterThan(left.length);
});
