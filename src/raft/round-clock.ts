/** Rounds closer than this share one time: the older one, so that a contact is never reported too young. */
const STEP_MS = 5;
const POINTS_MAX = 512;

/** Remembers when rounds were sent, coarsely and bounded, so that an answer to one tells how old the contact is. */
export class RoundClock {
  readonly #points: { readonly round: number; readonly at: number }[] = [];

  record(round: number, at: number): void {
    const last = this.#points.at(-1);
    if (last !== undefined && at - last.at < STEP_MS) return;
    this.#points.push({ round, at });
    if (this.#points.length > POINTS_MAX) this.#points.splice(0, POINTS_MAX / 2);
  }

  /** A time at or shortly before the send of `round`; -Infinity: too long ago. */
  sentAt(round: number): number {
    for (let i = this.#points.length - 1; i >= 0; i -= 1) {
      const point = this.#points[i];
      if (point !== undefined && point.round <= round) return point.at;
    }
    return -Infinity;
  }
}
