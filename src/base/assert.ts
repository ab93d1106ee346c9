/** A promise of the program to itself is broken. Caught by nobody but `main`, which logs, flushes and exits. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/**
 * Stays on in production. One condition per call. On the path of every entry, a message with numbers in it is a function: to
 * build the text would cost more than the check. @throws InvariantViolation
 */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new InvariantViolation(typeof message === "string" ? message : message());
}

/** Ends a `switch` over a union. */
export function unreachable(value: never): never {
  throw new InvariantViolation(`Cannot be reached with ${JSON.stringify(value)}`);
}

/** Unwraps what must be there. @throws InvariantViolation */
export function defined<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new InvariantViolation(`${what} must be defined`);
  return value;
}
