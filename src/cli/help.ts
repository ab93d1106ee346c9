import type { Command } from "./command.ts";

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

/** What `konsul --help` prints. */
export function overview(commands: readonly Command[]): string {
  return [
    "konsul: a key-value store and service registry that stays consistent and available",
    "",
    "usage: konsul COMMAND [flags]",
    "",
    ...columns(commands.map(({ path, summary }) => [path.join(" "), summary])),
    "",
    "konsul COMMAND --help explains a command. Exit codes: 0 done, 1 it failed, 2 wrong usage.",
  ].join("\n");
}

/** What `konsul COMMAND --help` prints. */
export function explain(command: Command): string {
  const { path, summary, positions } = command;
  const { flags } = command;
  const usage = positions.map(({ name, isOptional, isRepeatable }) => {
    const shown = isRepeatable === true ? `${name}...` : name;
    return isOptional === true ? `[${shown}]` : shown;
  });
  const lines = [
    `konsul ${path.join(" ")}: ${summary}`,
    "",
    ["usage: konsul", ...path, ...usage, ...(flags.length > 0 ? ["[flags]"] : [])].join(" "),
  ];
  if (positions.length > 0) lines.push("", ...columns(positions.map(({ name, help }) => [name, help])));
  if (flags.length > 0) {
    lines.push(
      "",
      ...columns(
        flags.map(({ name, value, help }) => [value === undefined ? `--${name}` : `--${name} ${value}`, help]),
      ),
    );
  }
  return lines.join("\n");
}
