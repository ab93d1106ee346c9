/** What one client asked for and what it was told. Times are of one clock for the whole history. */
export interface Operation<Input, Output> {
  readonly client: number | string;
  /** Keys are independent of one another. */
  readonly key: string;
  readonly call: number;
  /** Infinity: never answered. */
  readonly return: number;
  readonly input: Input;
  /** undefined: the outcome is unknown, it may take effect at any time from the call on, or never. */
  readonly output: Output | undefined;
}

/** What a single, undisturbed copy of the object does. States are never changed in place. */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /**
   * The state after the operation; undefined when this output is impossible in this state. With an unknown output:
   * the state if it took effect (that it may never do so is the checker's business).
   */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  /** Equal states have equal texts, others do not. Also shown to people. */
  stateText(state: State): string;
  operationText(input: Input, output: Output | undefined): string;
}
