import { utf8 } from "../../../src/base/index.ts";
import { Tenant } from "./tenant.ts";

/** Writes under idempotency keys, and repeats what was not answered. */
export class Repeater extends Tenant {
  protected async round(): Promise<void> {
    const { random, world } = this;
    await this.wait(random.float() * 200);
    const value = world.mint();
    const key = utf8(`once/${random.between(0, 4)}`);
    for (let tries = random.between(1, 6); tries > 0; tries -= 1) {
      const outcome = await this.ask(async ({ replica }) =>
        replica.write({ kind: "kv-set", key, value: utf8(value), flags: 0n }, value),
      );
      if (outcome?.kind === "done" && outcome.result.kind === "kv-set" && "modifyIndex" in outcome.result) {
        world.ledger.doneOnce(value, outcome.result.modifyIndex);
        // Now and then also after an answer, as a client that lost it would.
        if (random.chance(0.7)) return;
      } else if (outcome?.kind === "unknown" || outcome === undefined) world.marks.hit("write repeated under its key");
      await this.wait(random.float() * 300);
    }
  }
}
