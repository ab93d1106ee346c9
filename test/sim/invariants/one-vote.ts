import type { MemberKey, Term } from "../../../src/base/index.ts";
import type { Fail } from "./reporter.ts";

/** A pair grants at most one vote in a term, its own included, over any number of crashes. @see Raft §5.2 */
export class OneVote {
  readonly #fail: Fail;
  readonly #votes = new Map<MemberKey, Map<Term, MemberKey>>();

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  onVote(voter: MemberKey, term: Term, candidate: MemberKey): void {
    const votes = this.#votes.get(voter) ?? new Map<Term, MemberKey>();
    this.#votes.set(voter, votes);
    const known = votes.get(term);
    if (known !== undefined && known !== candidate) {
      this.#fail("one vote a term", `${voter} votes for ${candidate} in term ${term} and voted for ${known} before`);
    }
    votes.set(term, candidate);
  }
}
