import type { LogIndex } from "../base/index.ts";
import type { StateScope } from "../fsm/index.ts";
import type { ReadFailure } from "./outcome.ts";
import { ParkedReads } from "./parked-reads.ts";
import type { ReplicaOptions } from "./replica-options.ts";
import { spanWithin } from "./spans.ts";
import type { Vigil } from "./vigil.ts";
import { Watchers } from "./watchers.ts";

/** How a read wants to be answered. Without anything: from this node's state, at once. */
export interface ReadTerms {
  /** Linearizable. */
  readonly isConsistent: boolean;
  /** This node must have applied at least this. */
  readonly minIndex?: LogIndex;
  /** The leader must have been heard within this. */
  readonly staleMsMax?: number;
  /** Waits until something in the scope changed after `index`, at most `waitMs`. */
  readonly blocking?: {
    readonly scope: StateScope;
    readonly index: LogIndex;
    readonly waitMs: number;
    /** The wait is over, and nothing in the scope changed after `index` up to and including `upTo`. */
    readonly onUnchanged?: (upTo: LogIndex) => void;
  };
  /** The client went away. */
  readonly signal?: AbortSignal;
}

const PLAIN: ReadTerms = { isConsistent: false };

/** Decides for each read when this node's state may answer it. */
export class Reads {
  readonly #options: ReplicaOptions;
  readonly #vigil: Vigil;
  readonly #watchers = new Watchers();
  readonly #parked: ParkedReads;
  #isStopping = false;

  constructor(options: ReplicaOptions, vigil: Vigil) {
    this.#options = options;
    this.#vigil = vigil;
    this.#parked = new ParkedReads(options.limits.watchersMax);
    options.fsm.changes.onChange((change) => this.#watchers.onChange(change));
  }

  /** Those that wait. */
  get waitingCount(): number {
    return this.#parked.count;
  }

  /**
   * Undefined: the state may be read now, synchronously. A plain read gets its answer at once, without a promise:
   * that is what makes it cheap.
   */
  prepare(terms: ReadTerms): ReadFailure | undefined | Promise<ReadFailure | undefined> {
    const failure = this.#cannotRead(terms);
    if (failure !== undefined) return failure;
    const isPlain = !terms.isConsistent && terms.blocking === undefined;
    return isPlain && this.#hasApplied(terms.minIndex) ? undefined : this.#awaitRead(terms);
  }

  /** Whether a plain read may be answered now. */
  canReadAtOnce(): boolean {
    return this.#cannotRead(PLAIN) === undefined && this.#hasApplied();
  }

  /** Wakes all that wait; from now on nothing new is taken. */
  stop(): void {
    this.#isStopping = true;
    this.#parked.stopAll();
  }

  #cannotRead({ staleMsMax }: ReadTerms): ReadFailure | undefined {
    const { condition } = this.#vigil;
    if (condition.kind === "untrusted" || condition.kind === "halted") {
      return { kind: "untrusted", reason: condition.reason };
    }
    if (this.#isStopping) return { kind: "shutting-down" };
    if (staleMsMax === undefined) return undefined;
    const { hasLeader, lastContactMs } = this.#vigil.stance(this.#options.fsm.appliedIndex);
    return !hasLeader || lastContactMs > staleMsMax ? { kind: "stale", lastContactMs } : undefined;
  }

  /**
   * A state at index 0 is that of a new node, or half of a snapshot that is being restored: never an answer, so every
   * read wants at least index 1.
   */
  #hasApplied(minIndex = 1): boolean {
    return this.#options.fsm.appliedIndex >= Math.max(1, minIndex);
  }

  async #awaitRead(terms: ReadTerms): Promise<ReadFailure | undefined> {
    const { minIndex, blocking, signal, isConsistent } = terms;
    const late = this.#hasApplied(minIndex) ? undefined : await this.#waitApplied(minIndex, signal);
    if (late !== undefined) return late;
    const unchanged = blocking === undefined ? undefined : await this.#waitForChange(blocking, signal);
    if (unchanged !== undefined) return unchanged;
    const unconfirmed = isConsistent ? await this.#readPoint() : undefined;
    if (unconfirmed !== undefined) return unconfirmed;
    // While it waited, the node may have lost its disk, or begun to restore a snapshot.
    return this.#cannotRead(terms) ?? (this.#hasApplied(minIndex) ? undefined : this.#waitApplied(minIndex, signal));
  }

  async #readPoint(): Promise<ReadFailure | undefined> {
    const { node, clock, limits, tracing } = this.#options;
    const span = spanWithin(tracing, "raft.read");
    return new Promise((resolve) => {
      node.readPoint(clock.now() + limits.requestTimeoutMs, (outcome) => {
        span?.end(
          outcome.kind === "ready" ? { "raft.index": outcome.index, "raft.term": node.status().core.term } : {},
          outcome.kind === "ready" ? undefined : outcome.kind,
        );
        if (outcome.kind === "ready") resolve(undefined);
        else if (outcome.kind === "stopping") resolve({ kind: "shutting-down" });
        else resolve(outcome);
      });
    });
  }

  async #waitApplied(minIndex = 1, signal?: AbortSignal): Promise<ReadFailure | undefined> {
    const { node, clock, limits } = this.#options;
    return this.#parked.park({
      signal,
      arm: (end) => {
        const deadline = clock.now() + limits.requestTimeoutMs;
        node.waitApplied(Math.max(1, minIndex), deadline, (isApplied) => {
          end(isApplied ? undefined : (this.#cannotRead({ isConsistent: false }) ?? { kind: "timeout" }));
        });
        return () => undefined;
      },
    });
  }

  async #waitForChange(
    { scope, index, waitMs, onUnchanged }: NonNullable<ReadTerms["blocking"]>,
    signal: AbortSignal | undefined,
  ): Promise<ReadFailure | undefined> {
    const { clock, limits, fsm } = this.#options;
    // Index 0 means "as it is now"; what changed already is not waited for.
    if (index === 0 || fsm.hasChangedSince(scope, index)) return undefined;
    return this.#parked.park({
      signal,
      arm: (end) => {
        let isTimeUp = false;
        const timer = clock.at(clock.now() + Math.min(waitMs, limits.waitMsMax), () => {
          isTimeUp = true;
          end();
        });
        // Registered in the same tick as the check above: no change can fall between the two.
        const remove = this.#watchers.add(scope, () => end());
        return () => {
          timer.cancel();
          remove();
          // What ends it otherwise may do so in the middle of the entry just applied: a change, or of rights.
          onUnchanged?.(Math.max(index, fsm.appliedIndex - (isTimeUp ? 0 : 1)));
        };
      },
    });
  }
}
