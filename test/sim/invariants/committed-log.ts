import type { LogIndex, MemberKey, Term } from "../../../src/base/index.ts";
import type { Append, Entry } from "../../../src/raft/index.ts";
import type { Fail } from "./reporter.ts";

/** What was once applied anywhere at an index. */
export interface Committed {
  readonly entry: Entry;
  /** Term of the node that applied it first: at least the term in which it was committed. */
  readonly knownIn: Term;
  /** The state's hash after it. */
  stateHash: string;
  /** What the state machine gave back there, and when. */
  readonly result: unknown;
  readonly at: number;
}

interface AppliedBy extends Pick<Committed, "stateHash" | "result" | "at"> {
  readonly key: MemberKey;
  readonly term: Term;
}

/** The one log that all nodes agree on, as far as it is known; what contradicts it breaks a promise. @see Raft §5.4 */
export class CommittedLog {
  readonly #fail: Fail;
  readonly #entries: Committed[] = [];

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  get lastIndex(): LogIndex {
    return this.#entries.length;
  }

  at(index: LogIndex): Committed | undefined {
    return this.#entries[index - 1];
  }

  /** State machine safety. */
  onApply(entry: Entry, by: AppliedBy): void {
    const known = this.#entries[entry.index - 1];
    if (known === undefined) {
      if (entry.index !== this.#entries.length + 1) {
        this.#fail("state machine safety", `${by.key} applies ${entry.index}, but ${this.#entries.length} is the last`);
      }
      const { stateHash, result, at } = by;
      this.#entries.push({ entry, knownIn: by.term, stateHash, result, at });
      return;
    }
    if (known.entry.term !== entry.term || known.entry.chain !== entry.chain) {
      this.#fail(
        "state machine safety",
        `${by.key} applies (${entry.index}, term ${entry.term}), another node applied term ${known.entry.term} there`,
      );
    }
    if (known.stateHash !== by.stateHash) {
      this.#fail("equal states", `after ${entry.index} the state of ${by.key} differs from another node's`);
    }
  }

  /** Leader completeness: a leader of a later term has every entry that was committed before. */
  onLeader(leader: MemberKey, term: Term, lastIndex: LogIndex): void {
    const last = this.#lastBefore(term);
    if (lastIndex < last) {
      this.#fail(
        "leader completeness",
        `${leader} leads in term ${term} with a log up to ${lastIndex}, committed before was ${last}`,
      );
    }
  }

  /** What a leader sends never contradicts what was committed before its term. */
  onAppendSent(leader: MemberKey, term: Term, append: Append): void {
    const previous = this.#entries[append.prevIndex - 1];
    if (previous !== undefined && previous.knownIn < term && previous.entry.chain !== append.prevChain) {
      this.#fail("leader completeness", `${leader} of term ${term} has another log at ${append.prevIndex}`);
    }
    for (const entry of append.entries) {
      const known = this.#entries[entry.index - 1];
      if (known !== undefined && known.knownIn < term && known.entry.chain !== entry.chain) {
        this.#fail("leader completeness", `${leader} of term ${term} has another entry at ${entry.index}`);
      }
    }
  }

  #lastBefore(term: Term): LogIndex {
    for (let at = this.#entries.length - 1; at >= 0; at -= 1) {
      const committed = this.#entries[at];
      if (committed !== undefined && committed.knownIn < term) return at + 1;
    }
    return 0;
  }
}
