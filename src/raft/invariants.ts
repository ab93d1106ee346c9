import { assert, type LogIndex } from "../base/index.ts";
import type { HardState } from "./effects.ts";
import { assertMembership } from "./membership-change.ts";
import type { State } from "./state.ts";

/** Checks after each step what costs next to nothing; stays on in production. */
export class Invariants {
  #hard: HardState;
  #commit: LogIndex;
  #applied: LogIndex;

  constructor(s: State) {
    this.#hard = s.hard;
    this.#commit = s.commit;
    this.#applied = s.applied;
  }

  /** @throws InvariantViolation */
  checkStep(s: State): void {
    const { hard, log, commit, applied, installing } = s;
    assert(hard.term >= this.#hard.term, "The term must not fall");
    if (hard.term === this.#hard.term && this.#hard.vote !== undefined) {
      assert(hard.vote === this.#hard.vote, "The vote must not change within a term");
    }
    assert(commit >= this.#commit, () => `The commit index must not fall from ${this.#commit} to ${commit}`);
    assert(applied >= this.#applied, () => `The applied index must not fall from ${this.#applied} to ${applied}`);
    assert(commit <= log.lastIndex, () => `The log must hold what is committed: ${commit} > ${log.lastIndex}`);
    assert(applied <= commit, () => `Only what is committed may be applied: ${applied} > ${commit}`);
    assert(s.durability.index <= log.lastIndex, "Only what is in the log can be durable");
    if (installing === undefined) {
      assert(log.base.index <= applied, () => `Only what is applied may be compacted: ${log.base.index} > ${applied}`);
      assert(
        applied <= s.durability.index,
        () => `Only what is durable may be applied: ${applied} > ${s.durability.index}`,
      );
    }
    assert((s.role === "leader") === (s.leading !== undefined), "A leader must know its followers");
    if (s.leading !== undefined) checkLeading(s);
    this.#hard = hard;
    this.#commit = commit;
    this.#applied = applied;
  }

  /** All of it. @throws InvariantViolation */
  checkAll(s: State): void {
    this.checkStep(s);
    s.log.check();
    const { effective, committed } = s.members;
    if (effective.membership.members.size > 0) assertMembership(effective.membership);
    if (committed.membership.members.size > 0) assertMembership(committed.membership);
    assert(effective.index <= s.log.lastIndex, "The membership in force must be in the log");
    assert(committed === effective || effective.index > s.commit, "A membership up to the commit index is committed");
    for (const progress of s.leading?.progress.values() ?? []) {
      if (progress.match < s.log.lastIndex) continue;
      assert(progress.inflightCount === 0, "Nothing may be in flight to a follower that has everything");
      assert(progress.inflightBytes === 0, "No bytes may be in flight to a follower that has everything");
    }
  }
}

function checkLeading(s: State): void {
  assert(s.leader === s.self, "A leader must know that it leads");
  assert(s.hard.vote === s.self, "A leader must have voted for itself");
  for (const { match, next } of s.leading?.progress.values() ?? []) {
    assert(match < next, () => `A follower must be sent what it lacks: match ${match}, next ${next}`);
    assert(match <= s.log.lastIndex, "A follower cannot have more than the leader");
  }
}
