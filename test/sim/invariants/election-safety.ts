import type { MemberKey, Term } from "../../../src/base/index.ts";
import type { Fail } from "./reporter.ts";

/** At most one leader in a term, whoever claims it: by its role or by what it sends. @see Raft §5.2 */
export class ElectionSafety {
  readonly #fail: Fail;
  readonly #leaders = new Map<Term, MemberKey>();

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  /** True: the first time that this term has a leader. */
  onClaim(term: Term, leader: MemberKey): boolean {
    const known = this.#leaders.get(term);
    if (known === leader) return false;
    if (known !== undefined) this.#fail("election safety", `${known} and ${leader} both lead in term ${term}`);
    this.#leaders.set(term, leader);
    return true;
  }

  leaderOf(term: Term): MemberKey | undefined {
    return this.#leaders.get(term);
  }
}
