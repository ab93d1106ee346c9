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

/** All that a command may begin with: `acl`, `acl token`, `acl token list` and so on. */
function begins(commands: readonly Command[]): readonly string[] {
  return [...new Set(commands.flatMap(({ path }) => path.map((_, at) => path.slice(0, at + 1).join(" "))))];
}

function bash(commands: readonly Command[]): string {
  return [
    "_konsul() {",
    '  local path="" word words=""',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    `    case "\${path:+$path }$word" in ${begins(commands)
      .map((path) => `"${path}"`)
      .join("|")}) path="\${path:+$path }$word" ;; esac`,
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
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function fish(commands: readonly Command[]): string {
  const lines: string[] = [
    // The words of the command so far: flags, their values and positions are none of them.
    "function __konsul_path",
    '  set -l path ""',
    "  for word in (commandline -opc)[2..-1]",
    '    switch "$path$word"',
    `      case ${begins(commands).map(quote).join(" ")}`,
    '        set path "$path$word "',
    "    end",
    "  end",
    '  string trim -- "$path"',
    "end",
    "complete -c konsul -f",
  ];
  const begun = new Set<string>();
  for (const { path, flags } of commands) {
    path.forEach((word, at) => {
      const [before, whole] = [path.slice(0, at).join(" "), path.slice(0, at + 1).join(" ")];
      if (begun.has(whole)) return;
      begun.add(whole);
      const own = commands.find((command) => command.path.join(" ") === whole);
      const told = own === undefined ? [] : ["-d", quote(own.summary)];
      lines.push(["complete", "-c", "konsul", "-n", when(before), "-a", quote(word), ...told].join(" "));
    });
    for (const { name, help, value } of flags) {
      const taken = value === undefined ? [] : ["-r"];
      lines.push(
        ["complete", "-c", "konsul", "-n", when(path.join(" ")), "-l", name, ...taken, "-d", quote(help)].join(" "),
      );
    }
  }
  return lines.join("\n");
}

function when(path: string): string {
  return quote(`test (__konsul_path) = "${path}"`);
}

const SHELLS: ReadonlyMap<string, (commands: readonly Command[]) => string> = new Map([
  ["bash", bash],
  ["zsh", zsh],
  ["fish", fish],
]);
