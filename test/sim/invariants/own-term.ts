import type { LogIndex, MemberKey, Term } from "../../../src/base/index.ts";
import type { CoreStatus } from "../../../src/raft/index.ts";
import type { LogImage } from "../disk/log-image.ts";
import type { Fail } from "./reporter.ts";

interface Claimant {
  readonly key: MemberKey;
  readonly durable: LogImage;
  readonly status: () => Pick<CoreStatus, "durableIndex"> | undefined;
}

/**
 * A leader calls committed what it counted in its own term, and older entries only with it: those alone may still be
 * overwritten, however many disks hold them. @see Raft §5.4.2, Figure 8
 */
export class OwnTermCommits {
  readonly #fail: Fail;
  /** What each leader knew to be committed when it was elected. */
  readonly #inherited = new Map<Term, LogIndex>();

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  onLeader(term: Term, commit: LogIndex): void {
    if (!this.#inherited.has(term)) this.#inherited.set(term, commit);
  }

  /** A leader tells its followers what is committed. */
  onClaim(leader: Claimant, claim: { readonly term: Term; readonly commit: LogIndex }): void {
    const inherited = this.#inherited.get(claim.term);
    if (inherited === undefined || claim.commit <= inherited) return;
    const entry = leader.durable.idAt(claim.commit);
    if (entry === undefined || entry.term === claim.term) return;
    // Behind what is durable the disk may still hold what the log has given up.
    if (claim.commit > (leader.status()?.durableIndex ?? 0)) return;
    this.#fail(
      "commits by the own term",
      `${leader.key} of term ${claim.term} calls (${claim.commit}, term ${entry.term}) committed, knew ${inherited} when elected`,
    );
  }
}
