import { CommandFailed, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { explain, overview } from "./help.ts";
import { findCommand, globalFlags, parseInvocation } from "./parse.ts";

/** Runs one command line; the exit code: 0 done, 1 it failed, 2 wrong usage. */
export async function run(argv: readonly string[]): Promise<number> {
  const { isHelp, words } = globalFlags(argv);
  try {
    if (words.length === 0 || words[0] === "help") {
      process.stdout.write(`${overview(COMMANDS)}\n`);
      return isHelp || words[0] === "help" ? 0 : 2;
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
