import { UsageError, type Command, type Invocation } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { print } from "./output.ts";

export async function completion(call: Invocation): Promise<number> {
  const [shell = ""] = call.positions;
  const make = SHELLS.get(shell);
  if (make === undefined) throw new UsageError(`SHELL must be bash, zsh or fish: it is "${shell}"`);
  print(make(COMMANDS));
  return 0;
}

/** Words that may follow `words`, from the command table: `kv` → get put …; `kv get` → its flags. */
function cases(commands: readonly Command[]): string[] {
  const next = new Map<string, Set<string>>();
  for (const { path, flags } of commands) {
    path.forEach((word, at) => {
      const before = path.slice(0, at).join(" ");
      next.set(before, (next.get(before) ?? new Set()).add(word));
    });
    next.set(
      path.join(" "),
      new Set([...(next.get(path.join(" ")) ?? []), ...flags.map(({ name }) => `--${name}`), "--help"]),
    );
  }
  return [...next].map(([before, words]) => `    "${before}") words="${[...words].join(" ")}" ;;`);
}

function bash(commands: readonly Command[]): string {
  return [
    "_konsul() {",
    '  local path="" word words=""',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$word" in -*) ;; *) case "$path" in "kv "*|"service "*|"cluster "*|"config "*) ;; "kv"|"service"|"cluster"|"config") path="$path $word" ;; "") path="$word" ;; esac ;; esac',
    "  done",
    '  case "$path" in',
    ...cases(commands),
    "  esac",
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    "}",
    "complete -o default -F _konsul konsul",
  ].join("\n");
}

function zsh(commands: readonly Command[]): string {
  return ["#compdef konsul", "autoload -U +X bashcompinit && bashcompinit", bash(commands)].join("\n");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`;
}

function fish(commands: readonly Command[]): string {
  const lines: string[] = ["complete -c konsul -f"];
  for (const { path, summary, flags } of commands) {
    const [first = "", second] = path;
    const condition = second === undefined ? "__fish_use_subcommand" : `__fish_seen_subcommand_from ${first}`;
    if (second !== undefined) lines.push(`complete -c konsul -n __fish_use_subcommand -a ${quote(first)}`);
    lines.push(`complete -c konsul -n ${quote(condition)} -a ${quote(second ?? first)} -d ${quote(summary)}`);
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
    for (const { name, help } of flags)
      lines.push(`complete -c konsul -n ${quote(seen)} -l ${quote(name)} -d ${quote(help)}`);
  }
  return lines.join("\n");
}

const SHELLS: ReadonlyMap<string, (commands: readonly Command[]) => string> = new Map([
  ["bash", bash],
  ["zsh", zsh],
  ["fish", fish],
]);
