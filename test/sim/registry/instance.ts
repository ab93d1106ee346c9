import { Tenant } from "./tenant.ts";

/** One instance of a service: registers, beats for a while, and falls silent. */
export class Instance extends Tenant {
  readonly #id = this.world.mint();

  protected async round(): Promise<void> {
    const { random, world } = this;
    await this.wait(random.float() * 500);
    const ttlMs = random.pick([1500, 3000, 6000]);
    const instance = { address: "a", port: 1, tags: [], meta: [], weight: 1, ttlMs, deregisterAfterMs: 3 * ttlMs };
    const name = "svc";
    const key = `${name}\0${this.#id}`;
    world.ledger.instanceGivenUp(key);
    const sentAt = this.now;
    const made = await this.ask(async ({ replica }) =>
      replica.write({ kind: "service-register", name, id: this.#id, instance: { ...instance, checks: [] } }),
    );
    if (made?.kind !== "done") return;
    world.ledger.beaten(key, ttlMs, sentAt);
    for (let beats = random.between(3, 20); beats > 0 && !this.isStopped; beats -= 1) {
      await this.wait(random.float() * ttlMs * 0.6);
      const beatAt = this.now;
      const beat = await this.ask(async ({ registry }) => registry.heartbeat(name, this.#id));
      if (beat?.kind === "renewed") world.ledger.beaten(key, ttlMs, beatAt);
      if (beat?.kind === "not-found") break;
    }
    // Silent from here on; now and then it registers again at the very moment when it would expire.
    await this.wait(random.chance(0.5) ? ttlMs + random.float() * 400 : random.float() * ttlMs * 5);
  }
}
