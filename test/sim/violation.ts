/** A promise of the system under test was broken in this run. */
export interface Violation {
  /** Name of the invariant. */
  readonly rule: string;
  readonly detail: string;
  /** Simulated ms. */
  readonly at: number;
}

/** Ends the run: thrown by a check, caught by the run itself. */
export class ViolationFound extends Error {
  override readonly name = "ViolationFound";
  readonly violation: Violation;

  constructor(violation: Violation) {
    super(`${violation.rule}: ${violation.detail}`);
    this.violation = violation;
  }
}
