/** One holder at a time, with tokens that rise. All times are of one clock. */
export class LockJudge {
  #last = { token: 0, now: -Infinity };
  /** Until when the last holder surely holds, and since when. */
  #held: { readonly who: string; readonly since: number; until: number } | undefined;

  /** The lock was given: asked for at `call`, known at `now`, good until `until` at least. */
  given(
    who: string,
    grant: { readonly token: number; readonly call: number; readonly now: number; readonly until: number },
  ): string | undefined {
    const held = this.#held;
    const last = this.#last;
    if (grant.token > last.token) this.#last = grant;
    this.#held = { who, since: grant.now, until: grant.until };
    if (held !== undefined && grant.call >= held.since && grant.now < held.until) {
      return `${who} got the lock while ${held.who} held it for another ${Math.round(held.until - grant.now)} ms`;
    }
    // Answers that crossed on their way say nothing about the order.
    if (grant.token > last.token || grant.call < last.now) return undefined;
    return `${who} got token ${grant.token}, and ${last.token} had been given before`;
  }

  renewed(who: string, until: number): void {
    if (this.#held?.who === who) this.#held.until = Math.max(this.#held.until, until);
  }

  /** From now on somebody else may have it. */
  releasing(who: string): void {
    if (this.#held?.who === who) this.#held = undefined;
  }
}
