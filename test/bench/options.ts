import { parseArgs } from "node:util";

export interface Options {
  /** The sub-benchmarks that were asked for; none means all. */
  readonly wanted: readonly string[];
  readonly isHelpWanted: boolean;
  readonly rounds: number | undefined;
  readonly seconds: number | undefined;
  readonly warmUp: number | undefined;
  /** What was wrong in the command line and the environment. */
  readonly problems: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const FLAGS = {
  help: { type: "boolean", short: "h" },
  rounds: { type: "string" },
  seconds: { type: "string" },
  "warm-up": { type: "string" },
} as const;

/** Flags come before ROUNDS, SECONDS and WARM_UP in the environment. */
export function parseOptions(words: readonly string[], environment: Environment): Options {
  const problems: string[] = [];
  const { values, positionals } = flagsOf(words, problems);
  const count = (flag: "rounds" | "seconds" | "warm-up", variable: string): number | undefined => {
    const [name, text] = values[flag] === undefined ? [variable, environment[variable]] : [`--${flag}`, values[flag]];
    return text === undefined ? undefined : countOf(name, text, { problems, atLeast: 1 });
  };
  return {
    wanted: positionals,
    isHelpWanted: values.help === true,
    rounds: count("rounds", "ROUNDS"),
    seconds: count("seconds", "SECONDS"),
    warmUp: count("warm-up", "WARM_UP"),
    problems,
  };
}

interface Flags {
  readonly values: {
    readonly help?: boolean;
    readonly rounds?: string;
    readonly seconds?: string;
    readonly "warm-up"?: string;
  };
  readonly positionals: readonly string[];
}

function flagsOf(words: readonly string[], problems: string[]): Flags {
  try {
    return parseArgs({ args: [...words], options: FLAGS, allowPositionals: true });
  } catch (cause) {
    problems.push(cause instanceof Error ? cause.message : String(cause));
    return { values: {}, positionals: [] };
  }
}

/** wrk takes whole seconds only, and no round at all would be a median of nothing. */
function countOf(
  name: string,
  text: string,
  { problems, atLeast }: { readonly problems: string[]; readonly atLeast: number },
): number | undefined {
  const value = text.trim() === "" ? NaN : Number(text);
  if (Number.isSafeInteger(value) && value >= atLeast) return value;
  problems.push(`${name} must be a whole number of at least ${atLeast}: it is "${text}"`);
  return undefined;
}

export const options = parseOptions(process.argv.slice(2), process.env);
const problemsOfSettings: string[] = [];

/** Everything that is wrong in what was asked for. */
export function mistakes(): readonly string[] {
  return [...options.problems, ...problemsOfSettings];
}

/** A number that one benchmark takes from the environment, as its summary says. */
export function setting(name: string, fallback: number, atLeast = 1): number {
  const text = process.env[name];
  if (text === undefined) return fallback;
  return countOf(name, text, { problems: problemsOfSettings, atLeast }) ?? fallback;
}

/** Some of `all`, separated by commas. */
export function choice(name: string, all: readonly string[]): readonly string[] {
  const chosen = process.env[name]?.split(",") ?? all;
  const unknown = chosen.filter((one) => !all.includes(one));
  if (unknown.length > 0) {
    problemsOfSettings.push(`${name} takes ${all.join(",")}, or some of them: it has "${unknown.join(",")}"`);
  }
  return chosen;
}

/** How many rounds: `--rounds`, else ROUNDS, else the benchmark's own. */
export function rounds(fallback = 5): number {
  return options.rounds ?? fallback;
}

/** Seconds of one load: `--seconds`, else SECONDS, else the benchmark's own. */
export function seconds(fallback = 3): number {
  return options.seconds ?? fallback;
}

/** Seconds of load before the first figure, until the hot paths are compiled: a server is not new for long. */
export function warmUp(fallback = 20): number {
  return options.warmUp ?? fallback;
}
