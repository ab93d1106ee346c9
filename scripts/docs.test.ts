import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { CATALOGUE } from "../src/telemetry/index.ts";
import { readPages, strayCommands, unguarded, untagged } from "../test/e2e/runbooks/pages.ts";
import { cliPage, metricsTable, withMade } from "./docs.ts";

const TOP = join(import.meta.dir, "..");
const read = (...path: readonly string[]): string => readFileSync(join(TOP, ...path), "utf8");

test("docs/cli.md is what the command table gives: bun scripts/docs.ts writes it", () => {
  expect(read("docs", "cli.md")).toBe(cliPage());
});

test("docs/metrics.md lists the catalogue: bun scripts/docs.ts writes it", () => {
  const page = read("docs", "metrics.md");
  expect(page).toBe(withMade(page, metricsTable()));
});

/** Names that a query asks for, without what Prometheus adds to histograms. */
function metricsIn(text: string): readonly string[] {
  return [...text.matchAll(/\bkonsul_\w+/g)].map(([name]) => name.replace(/_(?:bucket|count|sum)$/, ""));
}

describe("alerts and dashboard", () => {
  const known = new Set<string>(CATALOGUE.map(({ name }) => name));

  test("ask only for metrics that there are", () => {
    const asked = [
      ...metricsIn(read("monitoring", "prometheus", "raft-alerts.yaml")),
      ...metricsIn(read("monitoring", "grafana", "raft-dashboard.json")),
    ];
    expect(asked.length).toBeGreaterThan(25);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });

  test("every alert is tested firing and silent, and explained in docs/clustering.md", () => {
    const rules = [...read("monitoring", "prometheus", "raft-alerts.yaml").matchAll(/alert: (\w+)/g)].map(
      (match) => match[1] ?? "",
    );
    const tests = read("monitoring", "prometheus", "raft-alerts.test.yaml");
    const page = read("docs", "clustering.md");
    expect(rules.length).toBe(11);
    for (const name of rules) {
      expect(tests).toContain(`name: ${name} fires`);
      expect(tests).toContain(`name: ${name} is silent`);
      expect(page).toContain(name);
    }
  });

  const promtool = Bun.which("promtool");
  test.skipIf(promtool === null)(
    "promtool finds the rules sound and their tests passing (needs Debian's prometheus)",
    () => {
      const cwd = join(TOP, "monitoring", "prometheus");
      for (const words of [
        ["check", "rules", "raft-alerts.yaml"],
        ["test", "rules", "raft-alerts.test.yaml"],
      ]) {
        const ran = Bun.spawnSync(["promtool", ...words], { cwd });
        expect([words, ran.exitCode, ran.stderr.toString()]).toEqual([words, 0, ""]);
      }
    },
  );
});

test("pages link only to files that are there", () => {
  const pages = [
    "README.md",
    ...readdirSync(join(TOP, "docs"))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ];
  for (const page of pages) {
    for (const [, path = ""] of read(page).matchAll(
      /`((?:docs|src|test|scripts|deploy|monitoring)\/[\w./-]+\.\w+)`/g,
    )) {
      expect([page, path, Bun.file(join(TOP, path)).size > 0]).toEqual([page, path, true]);
    }
  }
});

describe("commands in pages", () => {
  test("each block belongs to a runbook that a test executes, or says why it does not", () => {
    const blocks = readPages();
    expect(blocks.length).toBeGreaterThan(20);
    expect(blocks.map(untagged).filter((problem) => problem !== undefined)).toEqual([]);
    expect(blocks.map(unguarded).filter((problem) => problem !== undefined)).toEqual([]);
  });

  test("stand in fenced blocks, where the tests see them", () => {
    const pages = readdirSync(join(TOP, "docs")).filter((name) => name.endsWith(".md") && name !== "cli.md");
    const all = [...strayCommands("README.md", read("README.md"))];
    for (const name of pages) all.push(...strayCommands(`docs/${name}`, read("docs", name)));
    expect(all).toEqual([]);
  });
});

test("every room of src/ has a README", () => {
  const rooms = readdirSync(join(TOP, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(rooms.length).toBeGreaterThan(10);
  for (const { name } of rooms) expect([name, existsSync(join(TOP, "src", name, "README.md"))]).toEqual([name, true]);
});
