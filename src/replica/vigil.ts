import type { Clock, LogIndex } from "../base/index.ts";
import type { NodeStatus, RaftNode } from "../node/index.ts";

/** How this node stands, for the headers of every answer; a few ms old at most. */
export interface Stance {
  readonly appliedIndex: LogIndex;
  readonly hasLeader: boolean;
  readonly lastContactMs: number;
}

const AGE_MS_MAX = 10;
const ELECTIONS_WINDOW_MS = 5 * 60_000;
const ELECTIONS_KEPT = 100;

/** What this node noticed about itself and its cluster while it ran. */
export class Vigil {
  readonly #node: RaftNode;
  readonly #clock: Clock;
  #read = { at: -Infinity, hasLeader: false, contactAt: -Infinity };
  #hasCaughtUp = false;
  /** What was committed when this node was first seen without it. */
  #behind: { readonly index: LogIndex; readonly since: number } | undefined;
  #leaderChanges: number[] = [];
  #condition: NodeStatus["condition"];

  constructor(node: RaftNode, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
    this.#condition = node.status().condition;
    node.observe({
      onCondition: (condition) => {
        this.#condition = condition;
        this.#read.at = -Infinity;
      },
      onObservation: (observation) => {
        if (observation.kind !== "leader") return;
        this.#read.at = -Infinity;
        if (observation.leader === undefined) return;
        this.#leaderChanges.push(clock.now());
        if (this.#leaderChanges.length > ELECTIONS_KEPT) this.#leaderChanges.shift();
      },
      onApplied: () => {
        if (!this.#hasCaughtUp) this.#look();
      },
    });
  }

  get condition(): NodeStatus["condition"] {
    return this.#condition;
  }

  /** Reading the status of the node for every request would cost more than the request. */
  stance(appliedIndex: LogIndex): Stance {
    const now = this.#clock.now();
    if (now - this.#read.at > AGE_MS_MAX) {
      const { core } = this.#node.status();
      const contactAt = core.role === "leader" ? Infinity : core.leaderContact;
      this.#read = { at: now, hasLeader: core.leader !== undefined, contactAt };
    }
    const { hasLeader, contactAt } = this.#read;
    return { appliedIndex, hasLeader, lastContactMs: contactAt === Infinity ? 0 : Math.max(0, now - contactAt) };
  }

  /**
   * Since its start, this node has once applied all that was committed. Stays true. What a leader says is committed covers
   * what earlier leaders acknowledged only once it has committed an entry of its own.
   */
  hasCaughtUp(): boolean {
    if (!this.#hasCaughtUp) this.#look();
    return this.#hasCaughtUp;
  }

  /**
   * For how long this node has not applied what it knew to be committed, in ms: counted from the first call that saw
   * it behind, so it is to be asked regularly.
   */
  lagMs(): number {
    const { core, leaderCommit } = this.#node.status();
    const now = this.#clock.now();
    if (this.#behind !== undefined && core.applied >= this.#behind.index) this.#behind = undefined;
    if (core.applied < leaderCommit) this.#behind ??= { index: leaderCommit, since: now };
    return this.#behind === undefined ? 0 : now - this.#behind.since;
  }

  /** Leaders that came up in the last five minutes. */
  recentLeaders(): number {
    const since = this.#clock.now() - ELECTIONS_WINDOW_MS;
    this.#leaderChanges = this.#leaderChanges.filter((at) => at >= since);
    return this.#leaderChanges.length;
  }

  #look(): void {
    const { core, leaderCommit } = this.#node.status();
    const isOfThisTerm = core.leader !== undefined && core.appliedTerm === core.term;
    this.#hasCaughtUp = isOfThisTerm && core.applied >= leaderCommit;
  }
}
