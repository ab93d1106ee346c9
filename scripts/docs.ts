// Writes docs/cli.md from the command table and the table of docs/metrics.md from the catalogue; a test compares them.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../src/cli/commands.ts";
import { SETTINGS, flagOf, variableOf } from "../src/config/index.ts";
import { CATALOGUE, type MetricEntry } from "../src/telemetry/index.ts";

const DOCS = join(import.meta.dir, "..", "docs");
const BEGIN = "<!-- made by scripts/docs.ts -->";
const END = "<!-- end -->";

/** All commands with their flags. */
export function cliPage(): string {
  const lines = [
    "# The command line",
    "",
    "Made from the command table by `bun scripts/docs.ts`. Exit codes: 0 done, 1 it failed (one line on standard error says what",
    "to do), 2 wrong usage; `konsul lock` gives back the code of its command. Data goes to standard output, everything else to",
    "standard error.",
    "",
  ];
  for (const { path, summary, positions, flags } of COMMANDS) {
    const usage = positions.map(({ name, isOptional, isRepeatable }) => {
      const shown = isRepeatable === true ? `${name}...` : name;
      return isOptional === true ? `[${shown}]` : shown;
    });
    lines.push(`## konsul ${path.join(" ")}`, "", `${summary[0]?.toUpperCase()}${summary.slice(1)}.`, "");
    lines.push(`    ${["konsul", ...path, ...usage].join(" ")}`, "");
    const rows = [
      ...positions.map(({ name, help }) => [name, help]),
      ...(path[0] === "agent"
        ? [["`--SETTING`", "any setting of the table below"]]
        : flags.map(({ name, value, help }) => [`\`--${name}${value === undefined ? "" : ` ${value}`}\``, help])),
    ];
    if (rows.length > 0)
      lines.push("| | |", "| --- | --- |", ...rows.map(([name, help]) => row([name ?? "", help ?? ""])), "");
  }
  lines.push("## Settings of the agent", "", "Flag, then environment, then file (`--config FILE`), then default.", "");
  lines.push("| key in the file | flag | variable | default | what it does |", "| --- | --- | --- | --- | --- |");
  for (const setting of SETTINGS) {
    const standard = setting.standard === undefined || setting.standard === "" ? "" : `\`${setting.standard}\``;
    lines.push(
      row([`\`${setting.key}\``, `\`--${flagOf(setting)}\``, `\`${variableOf(setting)}\``, standard, setting.help]),
    );
  }
  return `${lines.join("\n")}\n`;
}

/** The rows of all metrics. */
export function metricsTable(): string {
  const rows = CATALOGUE.map((entry: MetricEntry) =>
    row([`\`${entry.name}\``, entry.kind, (entry.labels ?? []).join(", "), entry.help]),
  );
  return ["| metric | kind | labels | what it says |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** A page with its made part replaced. */
export function withMade(page: string, made: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  return `${page.slice(0, from + BEGIN.length)}\n\n${made}\n\n${page.slice(to)}`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

if (import.meta.main) {
  writeFileSync(join(DOCS, "cli.md"), cliPage());
  const metrics = join(DOCS, "metrics.md");
  writeFileSync(metrics, withMade(readFileSync(metrics, "utf8"), metricsTable()));
}
