import type { Clock } from "../base/index.ts";

/** Clients that are remembered: when there are more, the longest idle ones begin with a full bucket again. */
const CLIENTS_MAX = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** So many requests a second for each client address, with as many at once. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #clock: Pick<Clock, "now">;
  /** Those that were heard last stand last. */
  readonly #buckets = new Map<string, Bucket>();

  /** 0: no limit. */
  constructor(perSecond: number, clock: Pick<Clock, "now">) {
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  /** Seconds until the client may ask again; 0: now, and that was counted. */
  take(client: string): number {
    if (this.#perSecond === 0) return 0;
    const now = this.#clock.now();
    const known = this.#buckets.get(client) ?? { tokens: this.#perSecond, at: now };
    const tokens = Math.min(this.#perSecond, known.tokens + ((now - known.at) / 1000) * this.#perSecond);
    this.#buckets.delete(client);
    this.#buckets.set(client, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > CLIENTS_MAX)
      for (const [oldest] of this.#buckets) {
        this.#buckets.delete(oldest);
        break;
      }
    return tokens >= 1 ? 0 : (1 - tokens) / this.#perSecond;
  }
}
