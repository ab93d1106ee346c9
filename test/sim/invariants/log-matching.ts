import type { LogIndex, Term } from "../../../src/base/index.ts";
import type { Entry } from "../../../src/raft/index.ts";
import type { Fail } from "./reporter.ts";

/**
 * Two logs with an entry of equal index and term are equal up to there. The chain of an entry covers all before it, so
 * one number a pair of (index, term) says it all. @see Raft §5.3
 */
export class LogMatching {
  readonly #fail: Fail;
  readonly #chains = new Map<LogIndex, Map<Term, number>>();

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  onAppend(entry: Pick<Entry, "index" | "term" | "chain">): void {
    let chains = this.#chains.get(entry.index);
    if (chains === undefined) this.#chains.set(entry.index, (chains = new Map<Term, number>()));
    const known = chains.get(entry.term);
    if (known === undefined) chains.set(entry.term, entry.chain);
    else if (known !== entry.chain) {
      this.#fail("log matching", `entry ${entry.index} of term ${entry.term} follows two different logs`);
    }
  }
}
