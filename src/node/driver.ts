import type { Clock, LogIndex } from "../base/index.ts";
import type { RaftCore, RaftEvent } from "../raft/index.ts";

/** What the mechanisms of this room need of the turn that drives them. */
export interface Driver {
  readonly clock: Clock;
  readonly core: RaftCore;
  /** Queues an event for the core, to be stepped in this turn or the next. */
  submit(event: RaftEvent): void;
  /** Index of the last entry that the state machine has applied. */
  readonly applied: LogIndex;
  /** The disk broke a promise: this node stops counting, and says why. */
  distrust(reason: string): void;
  /** This node cannot go on for a reason that is not its disk. */
  halt(reason: string): void;
}
