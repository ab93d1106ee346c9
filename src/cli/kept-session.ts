import type { Client } from "./client.ts";
import { failure } from "./client.ts";
import { CommandFailed, Unreachable } from "./command.ts";
import { toRecord } from "./json-record.ts";

export interface SessionWishes {
  readonly name: string;
  readonly ttlMs: number;
  readonly lockDelay: string | undefined;
}

const CHECK_MS = 100;

/**
 * A session that is renewed until it is ended. It counts as lost a TTL after the last renewal that was answered was
 * sent: the cluster never ends it earlier than that, so whoever stops by then never works beside the next holder.
 */
export class KeptSession {
  readonly id: string;
  /** Resolves with the reason once the session may be gone. */
  readonly lost: Promise<string>;
  readonly #client: Client;
  readonly #ttlMs: number;
  readonly #lose: (reason: string) => void;
  #renewedAt: number;
  #isEnded = false;

  private constructor(client: Client, id: string, ttlMs: number, renewedAt: number) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#client = client;
    this.id = id;
    this.lost = promise;
    this.#lose = resolve;
    this.#ttlMs = ttlMs;
    this.#renewedAt = renewedAt;
    void this.#keep();
    void this.#watchTheClock();
  }

  /** @throws CommandFailed */
  static async open(client: Client, { name, ttlMs, lockDelay }: SessionWishes): Promise<KeptSession> {
    const delay = lockDelay === undefined ? {} : { lock_delay: lockDelay };
    const body = new TextEncoder().encode(JSON.stringify({ name, ttl: `${ttlMs}ms`, ...delay }));
    const sentAt = performance.now();
    const { id } = await client.json("POST", "/sessions", body, "application/json");
    if (typeof id !== "string")
      throw new CommandFailed("The agent answered without a session id: is it a Konsul agent?");
    return new KeptSession(client, id, ttlMs, sentAt);
  }

  /** Stops renewing, and tells the cluster; when that fails, the TTL does it. */
  async end(): Promise<void> {
    this.#isEnded = true;
    try {
      await this.#client.request("DELETE", `/sessions/${this.id}`);
    } catch (cause) {
      if (!(cause instanceof CommandFailed)) throw cause;
    }
  }

  async #keep(): Promise<void> {
    for (;;) {
      await Bun.sleep(this.#ttlMs / 3);
      if (this.#isEnded) return;
      await this.#renew();
    }
  }

  async #renew(): Promise<void> {
    const sentAt = performance.now();
    try {
      const answer = await this.#client.request("PUT", `/sessions/${this.id}/renew`);
      if (answer.status === 200) this.#renewedAt = sentAt;
      else if (answer.status === 404) this.#lose("the session ended");
      else if (answer.status < 500) this.#lose(failure(answer).message);
    } catch (cause) {
      if (!(cause instanceof Unreachable)) this.#lose(cause instanceof Error ? cause.message : String(cause));
    }
  }

  async #watchTheClock(): Promise<void> {
    while (!this.#isEnded) {
      if (performance.now() - this.#renewedAt >= this.#ttlMs) {
        this.#lose(`the session could not be renewed for ${this.#ttlMs} ms`);
        return;
      }
      await Bun.sleep(CHECK_MS);
    }
  }
}

/** The `session` that a key's answer names. */
export function holderOf(bytes: Uint8Array): string | undefined {
  const { session } = toRecord(bytes);
  return typeof session === "string" ? session : undefined;
}
