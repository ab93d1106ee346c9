/** One flag of a command. */
export interface Flag {
  readonly name: string;
  /** What stands behind it; undefined: nothing (a switch). */
  readonly value?: string;
  readonly help: string;
  /** May be given more than once. */
  readonly isRepeatable?: boolean;
  /** A switch of the agent: `false` is a value of its own, as it goes before variable and file. */
  readonly isSetting?: boolean;
}

/** A value by position. */
export interface Position {
  readonly name: string;
  readonly help: string;
  readonly isOptional?: boolean;
  /** The last one only: takes all that follows. */
  readonly isRepeatable?: boolean;
}

/** What a command gets: checked names, unchecked texts. */
export interface Invocation {
  readonly positions: readonly string[];
  readonly flags: ReadonlyMap<string, readonly string[]>;
}

export interface Command {
  /** Words behind `konsul`, such as `kv get`. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly positions: readonly Position[];
  readonly flags: readonly Flag[];
  /** Loads the command's code only when it is called, and gives the exit code. */
  readonly run: (invocation: Invocation) => Promise<number>;
}

/** The command line itself was wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command failed: exit code 1, one line that says what to do. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
}

/** The agent did not answer: it may later. */
export class Unreachable extends CommandFailed {}
