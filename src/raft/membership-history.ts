import { assert, defined, type LogIndex, type MemberKey } from "../base/index.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "./membership.ts";

/** A membership and the index of the entry that made it; 0: before any. */
export interface MembershipPoint {
  readonly index: LogIndex;
  readonly membership: Membership;
}

/** Retired pairs that are remembered; the oldest are forgotten first. */
const RETIRED_MAX = 1000;

/**
 * Every membership in the log and the one before it. The last is in force, committed or not (Raft §6). At most one is
 * uncommitted at a time, so after a restart the last but one is committed for sure.
 */
export class MembershipHistory {
  /** Rising in index, never empty. */
  #points: MembershipPoint[];
  #committed: MembershipPoint;
  /** Pairs that were members and are none any more, by a committed change; and its index. */
  readonly #retired = new Map<MemberKey, LogIndex>();

  /** `points`: the snapshot's membership, and those in the log behind it. */
  constructor(points: readonly MembershipPoint[]) {
    this.#points = points.length === 0 ? [{ index: 0, membership: EMPTY_MEMBERSHIP }] : [...points];
    this.#committed = defined(this.#points.at(-2) ?? this.#points[0], "The first membership");
    for (let i = 1; i < this.#points.length - 1; i += 1) this.#retire(this.#points[i - 1], this.#points[i]);
  }

  get effective(): MembershipPoint {
    return this.#points.at(-1) ?? this.#committed;
  }

  get committed(): MembershipPoint {
    return this.#committed;
  }

  /** The membership in force at an index that is not compacted away. */
  at(index: LogIndex): MembershipPoint {
    for (let i = this.#points.length - 1; i > 0; i -= 1) {
      const point = this.#points[i];
      if (point !== undefined && point.index <= index) return point;
    }
    return defined(this.#points[0], "The first membership");
  }

  append(point: MembershipPoint): void {
    assert(point.index > this.effective.index, "Memberships must follow each other in the log");
    // A leader makes the next one only when the last is committed, whatever this node knows of the commit index.
    this.commit(point.index - 1);
    this.#points.push(point);
  }

  /** The log lost everything from `from` on; true: the membership in force changed. */
  truncate(from: LogIndex): boolean {
    if (this.effective.index < from) return false;
    this.#points.pop();
    assert(this.effective.index < from, "A truncation must remove at most one membership");
    assert(this.#points.length > 0, "The first membership must stay");
    return true;
  }

  /** True: the membership in force was not committed and now is. */
  commit(index: LogIndex): boolean {
    const { effective } = this;
    if (this.#committed === effective || effective.index > index) return false;
    this.#retire(this.#committed, effective);
    this.#committed = effective;
    return true;
  }

  /** Entries up to `index` are gone from the log: older memberships cannot be asked for any more. */
  compact(index: LogIndex): void {
    while (this.#points.length > 1 && (this.#points[1]?.index ?? Infinity) <= index) this.#points.shift();
  }

  reset(point: MembershipPoint): void {
    this.#retire(this.#committed, point);
    this.#points = [point];
    this.#committed = point;
  }

  /** Index of the committed change by which a pair ceased to be a member. */
  retiredAt(key: MemberKey): LogIndex | undefined {
    return this.#retired.size === 0 ? undefined : this.#retired.get(key);
  }

  /** Whether a pair was a voter in any membership that is still known. */
  wasVoter(key: MemberKey): boolean {
    return this.#points.some(({ membership }) => membership.voters.includes(key) || membership.outgoing.includes(key));
  }

  wasMember(key: MemberKey): boolean {
    return this.#retired.has(key) || this.#points.some(({ membership }) => membership.members.has(key));
  }

  #retire(before: MembershipPoint | undefined, after: MembershipPoint | undefined): void {
    if (before === undefined || after === undefined) return;
    for (const key of before.membership.members.keys()) {
      if (!after.membership.members.has(key)) this.#retired.set(key, after.index);
    }
    for (const key of this.#retired.keys()) {
      if (this.#retired.size <= RETIRED_MAX) break;
      this.#retired.delete(key);
    }
  }
}
