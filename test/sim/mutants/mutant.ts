import type { NemesisName } from "../nemesis/nemesis.ts";

export interface Edit {
  /** From the root of the project. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** One way to break exactly one rule, as a change of source text. */
export interface Mutant extends Edit {
  readonly number: number;
  /** The rule that is broken, in words. */
  readonly breaks: string;
  /** Where two places hold the rule: the other one. */
  readonly also?: Edit;
  /** The attack that is made for it: a hunt takes only seeds with it. */
  readonly nemesis?: NemesisName | undefined;
  /** Lies above the node, so that every run must be about that. */
  readonly isFull?: boolean;
  /** Seeds that are known to catch it, for the quick run. */
  readonly seeds: readonly number[];
}

export type Draft = Omit<Mutant, "number" | "seeds" | "nemesis">;

/** The source with the mutant in it. @throws RangeError unless the text to replace occurs exactly once */
export function mutate(source: string, { file, find, replace }: Pick<Mutant, "file" | "find" | "replace">): string {
  const parts = source.split(find);
  if (parts.length !== 2) {
    throw new RangeError(
      `Cannot break ${file}: its text must be there once and occurs ${parts.length - 1} times: ${find}`,
    );
  }
  return parts.join(replace);
}
