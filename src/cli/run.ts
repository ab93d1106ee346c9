import { CommandFailed, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { explain, overview } from "./help.ts";
import { findCommand, globalFlags, parseInvocation } from "./parse.ts";

/** Runs one command line; the exit code: 0 done, 1 it failed, 2 wrong usage. */
export async function run(argv: readonly string[]): Promise<number> {
  const given = globalFlags(argv);
  // Both are what people try first elsewhere.
  const isHelp = given.isHelp || given.words[0] === "help";
  const words = given.words[0] === "help" ? given.words.slice(1) : given.words.map(toWord);
  try {
    if (words.length === 0) {
      process.stdout.write(`${overview(COMMANDS)}\n`);
      return isHelp ? 0 : 2;
    }
    const group = COMMANDS.filter(({ path }) => words.every((word, at) => path[at] === word));
    const isExact = group.some(({ path }) => path.length === words.length);
    if (isHelp && group.length > 1 && !isExact) {
      process.stdout.write(`${overview(group)}\n`);
      return 0;
    }
    const { command, rest } = findCommand(COMMANDS, words);
    if (isHelp) {
      process.stdout.write(`${explain(command)}\n`);
      return 0;
    }
    return await command.run(parseInvocation(command, rest));
  } catch (cause) {
    if (!(cause instanceof UsageError) && !(cause instanceof CommandFailed)) throw cause;
    process.stderr.write(`konsul: ${cause.message}\n`);
    return cause instanceof UsageError ? 2 : 1;
  }
}

function toWord(word: string, at: number): string {
  return at === 0 && word === "--version" ? "version" : word;
}
