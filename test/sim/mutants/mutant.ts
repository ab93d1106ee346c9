/** One way to break exactly one rule, as a change of source text. */
export interface Mutant {
  readonly number: number;
  /** The rule that is broken, in words. */
  readonly breaks: string;
  /** From the root of the project. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Lies above the node, so that every run must be about that. */
  readonly isFull?: boolean;
  /** Seeds that are known to catch it, for the quick run. */
  readonly seeds: readonly number[];
}

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
