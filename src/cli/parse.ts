import { suggestion } from "../config/index.ts";
import { UsageError, type Command, type Invocation } from "./command.ts";

/** Finds the command that the first words name. @throws UsageError */
export function findCommand(
  commands: readonly Command[],
  words: readonly string[],
): { readonly command: Command; readonly rest: readonly string[] } {
  const command = commands.find(({ path }) => path.every((word, at) => words[at] === word));
  if (command !== undefined) return { command, rest: words.slice(command.path.length) };
  const at = words.findIndex((word) => word.startsWith("-"));
  const lead = at === -1 ? words : words.slice(0, at);
  const begun = commands.filter(({ path }) => lead.length > 0 && lead.every((word, place) => path[place] === word));
  if (begun.length > 0) {
    const [name, next] = [lead.join(" "), new Set(begun.map(({ path }) => path[lead.length]))];
    throw new UsageError(`konsul ${name} wants one of ${[...next].join(", ")}: konsul ${name} --help explains them`);
  }
  const given = words.slice(0, ["acl", "tls", "cluster"].includes(words[0] ?? "") ? 3 : 2).join(" ");
  const group = commands.filter(({ path }) => path.length > 1 && path[0] === words[0]);
  const names = (group.length > 0 ? group : commands).map(({ path }) => path.join(" "));
  const where = group.length > 0 ? `konsul ${words[0]} --help` : "konsul --help";
  throw new UsageError(`"${given}" is no command${suggestion(given, names)}: ${where} lists them all`);
}

/** Checks flags and positions against the command: nothing unknown, nothing missing. @throws UsageError */
export function parseInvocation(command: Command, rest: readonly string[]): Invocation {
  const flags = new Map<string, string[]>();
  const positions: string[] = [];
  const known = new Map(command.flags.map((flag) => [flag.name, flag]));
  const queue = [...rest];
  let isOnlyPositions = false;
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (isOnlyPositions || !word.startsWith("--")) {
      positions.push(word);
      continue;
    }
    if (word === "--") {
      isOnlyPositions = true;
      continue;
    }
    const [name = "", ...written] = word.slice(2).split("=");
    const flag = known.get(name);
    if (flag === undefined)
      throw new UsageError(
        `--${name} is no flag of konsul ${command.path.join(" ")}${suggestion(name, [...known.keys()], "--")}`,
      );
    const value = written.length > 0 ? written.join("=") : flag.value === undefined ? "true" : queue.shift();
    if (value === undefined) throw new UsageError(`--${name} wants ${flag.value ?? "a value"} behind it`);
    if (flag.value === undefined && value !== "true" && value !== "false" && flag.isSetting !== true) {
      throw new UsageError(`--${name} is a switch and takes no value: it was given "${value}"`);
    }
    const before = flags.get(name);
    if (before !== undefined && flag.isRepeatable !== true) throw new UsageError(`--${name} is given twice`);
    // A switch that is off is one that was not given, except where that hides another source.
    if (flag.value === undefined && value === "false" && flag.isSetting !== true) continue;
    flags.set(name, [...(before ?? []), value]);
  }
  checkPositions(command, positions);
  return { positions, flags };
}

function checkPositions(command: Command, positions: readonly string[]): void {
  const name = `konsul ${command.path.join(" ")}`;
  const missing = command.positions.slice(positions.length).find(({ isOptional }) => isOptional !== true);
  if (missing !== undefined) throw new UsageError(`${name} wants ${missing.name}: ${missing.help}`);
  if (positions.length > command.positions.length && command.positions.at(-1)?.isRepeatable !== true) {
    throw new UsageError(
      `${name} takes ${command.positions.length === 0 ? "nothing" : "no more"} behind it: "${positions[command.positions.length] ?? ""}" is too much`,
    );
  }
}

/** `--help` and `--no-color` stand anywhere before `--`. */
export function globalFlags(words: readonly string[]): { readonly isHelp: boolean; readonly words: readonly string[] } {
  const end = words.indexOf("--");
  const before = end === -1 ? words : words.slice(0, end);
  const isHelp = before.includes("--help") || before.includes("-h");
  return { isHelp, words: [...before.filter(isNotGlobal), ...(end === -1 ? [] : words.slice(end))] };
}

function isNotGlobal(word: string): boolean {
  return word !== "--help" && word !== "-h" && word !== "--no-color";
}
