import type { BootId, MemberKey, Term } from "../../../src/base/index.ts";
import type { Fail } from "./reporter.ts";

/** One process of a pair: two of them may not both lead a term either. */
interface Claim {
  readonly key: MemberKey;
  readonly boot: BootId;
}

/** At most one leader in a term, whoever claims it: by its role or by what it sends. @see Raft §5.2 */
export class ElectionSafety {
  readonly #fail: Fail;
  readonly #leaders = new Map<Term, Claim>();

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  /** True: the first time that this term has a leader. */
  onClaim(term: Term, { key, boot }: Claim): boolean {
    const known = this.#leaders.get(term);
    if (known?.boot === boot) return false;
    if (known !== undefined) this.#fail("election safety", `${known.key} and ${key} both lead in term ${term}`);
    this.#leaders.set(term, { key, boot });
    return true;
  }

  leaderOf(term: Term): MemberKey | undefined {
    return this.#leaders.get(term)?.key;
  }
}
