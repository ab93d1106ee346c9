import type { MemberKey, Term } from "../../../src/base/index.ts";
import type { Membership } from "../../../src/raft/index.ts";
import { isBacked } from "./quorum-backed.ts";
import type { Fail } from "./reporter.ts";

/** A pair grants at most one vote in a term, its own included, over any number of crashes. @see Raft §5.2 */
export class OneVote {
  readonly #fail: Fail;
  readonly #votes = new Map<MemberKey, Map<Term, MemberKey>>();
  readonly #forgetful = new Set<MemberKey>();

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  /** Its disk lost a vote, or is there twice: what it grants from here on must not count, but it cannot know. */
  forget(voter: MemberKey): void {
    this.#forgetful.add(voter);
  }

  onVote(voter: MemberKey, term: Term, candidate: MemberKey): void {
    if (this.#forgetful.has(voter)) return;
    const votes = this.#votes.get(voter) ?? new Map<Term, MemberKey>();
    this.#votes.set(voter, votes);
    const known = votes.get(term);
    if (known !== undefined && known !== candidate) {
      this.#fail("one vote a term", `${voter} votes for ${candidate} in term ${term} and voted for ${known} before`);
    }
    votes.set(term, candidate);
  }

  /** A leader has the votes of a quorum, each given by its voter. @see Raft §5.2 */
  checkElected(leader: MemberKey, term: Term, membership: Membership): void {
    const isFor = (voter: MemberKey): boolean =>
      voter === leader || this.#forgetful.has(voter) || this.#votes.get(voter)?.get(term) === leader;
    if (isBacked(membership, isFor)) return;
    this.#fail(
      "elected by a quorum",
      `${leader} leads in term ${term}, and only ${membership.voters.filter(isFor).join(", ")} voted for it`,
    );
  }
}
