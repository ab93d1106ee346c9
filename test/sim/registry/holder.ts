import { utf8 } from "../../../src/base/index.ts";
import { Tenant } from "./tenant.ts";

const LATE = ["renew", "acquire"] as const;
const LOOKS_MAX = 400;
const KEYS = ["lock/a", "lock/b"];

/** Makes a session, takes and gives back locks with it, renews it, and lets it end in one way or another. */
export class Holder extends Tenant {
  protected async round(): Promise<void> {
    const { random, world } = this;
    await this.wait(random.float() * 300);
    const id = world.mint();
    const ttlMs = random.pick([2000, 4000, 8000]);
    const behavior = random.pick(["release", "delete"] as const);
    const terms = { name: "", ttlMs, behavior, lockDelayMs: random.pick([0, 500, 3000]) };
    const sentAt = this.now;
    const made = await this.ask(async ({ replica }) => replica.write({ kind: "session-create", id, terms }));
    if (made?.kind !== "done" || made.result.kind !== "session-created") return;
    world.ledger.sessionCreated(id, ttlMs, sentAt);
    await this.#live(id, ttlMs);
  }

  async #live(id: string, ttlMs: number): Promise<void> {
    const { random, world } = this;
    for (let steps = random.between(3, 30); steps > 0 && !this.isStopped; steps -= 1) {
      const isLate = random.chance(0.15);
      if (isLate) await this.#untilItEnds(ttlMs);
      else await this.wait(random.float() * ttlMs * 0.6);
      const kinds = isLate ? LATE : (["renew", "renew", "renew", "acquire", "acquire", "release"] as const);
      const kind = random.pick(kinds);
      if (kind === "renew") await this.#renew(id);
      else if (kind === "acquire") await this.#acquire(id, random.pick(KEYS));
      else await this.#release(id, random.pick(KEYS));
    }
    // Either it says so, or it goes silent: then all holds until its TTL is over.
    if (random.chance(0.5)) return;
    world.ledger.sessionGivenUp(id);
    await this.ask(async ({ replica }) => replica.write({ kind: "session-destroy", id }));
  }

  /** Silent for its TTL, and back while a leader has something on its way into the log: that may be the end of the session. */
  async #untilItEnds(ttlMs: number): Promise<void> {
    await this.wait(ttlMs);
    for (let left = LOOKS_MAX; left > 0 && !this.isStopped; left -= 1) {
      const status = this.world.leader()?.status();
      if (status !== undefined && status.lastIndex > status.commit) return;
      await this.wait(1);
    }
  }

  async #renew(id: string): Promise<void> {
    const sentAt = this.now;
    const { ledger, marks } = this.world;
    const outcome = await ledger.whileRenewing(this.ask(async ({ sessions }) => sessions.renew(id), 0.3));
    if (outcome?.kind === "renewed") ledger.sessionRenewed(id, sentAt);
    else if (ledger.hasEndedSince(id, sentAt)) marks.hit("expiry races a renewal");
  }

  async #acquire(id: string, key: string): Promise<void> {
    const command = { kind: "lock-acquire" as const, key: utf8(key), value: utf8(id), flags: 0n, session: id };
    const sentAt = this.now;
    const outcome = await this.ask(async ({ replica }) => replica.write(command));
    if (this.world.ledger.hasEndedSince(id, sentAt)) this.world.marks.hit("lock acquire races the end of its session");
    if (outcome?.kind === "done" && outcome.result.kind === "lock-acquired") {
      this.world.marks.hit("lock acquired");
      this.world.ledger.acquired(key, id);
    }
  }

  async #release(id: string, key: string): Promise<void> {
    this.world.ledger.releasing(key, id);
    const command = { kind: "lock-release" as const, key: utf8(key), value: utf8(""), flags: 0n, session: id };
    await this.ask(async ({ replica }) => replica.write(command));
  }
}
