import type { Term } from "../base/index.ts";

/** Remembers the last term in which this node led, and when that ended. */
export class Leadership {
  #leadsIn: Term | undefined;
  #lost: { readonly term: Term; readonly at: number } | undefined;

  get isLeading(): boolean {
    return this.#leadsIn !== undefined;
  }

  onRole(isLeader: boolean, term: Term, now: number): void {
    if (isLeader) this.#leadsIn = term;
    else if (this.#leadsIn !== undefined) {
      this.#lost = { term: this.#leadsIn, at: now };
      this.#leadsIn = undefined;
    }
  }

  /** Proposals of this term and before have waited long enough for a new leader to commit them; 0: none. */
  givenUpTerm(now: number, graceMs: number): Term {
    return this.#lost !== undefined && now - this.#lost.at >= graceMs ? this.#lost.term : 0;
  }
}
