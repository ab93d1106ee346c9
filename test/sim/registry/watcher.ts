import { utf8 } from "../../../src/base/index.ts";
import { Tenant } from "./tenant.ts";

const WAIT_MS = 1500;

/** Blocking reads of one key: woken by every change, and never later than that. */
export class Watcher extends Tenant {
  readonly #key = utf8(`sim/${this.random.between(0, 2)}`);

  protected async round(): Promise<void> {
    const { random, world } = this;
    await this.wait(random.float() * 50);
    await this.ask(async ({ replica, fsm }, process) => {
      const isAhead = random.chance(0.2);
      const index = fsm.appliedIndex + (isAhead ? random.between(1, 4) : 0);
      const isPrefix = random.chance(0.5);
      // In the middle of an install its index is 0: it waits for the end, and changes from before do not count.
      const isRestoring = process.isInstalling;
      const scope = isPrefix ? { prefix: utf8("sim/") } : { key: this.#key };
      const failure = await replica.prepareRead({ isConsistent: false, blocking: { scope, index, waitMs: WAIT_MS } });
      if (failure !== undefined || index === 0 || isRestoring || process.isPaused) return;
      const changedAt = process.changedAt(this.#key, index);
      if (changedAt !== undefined && changedAt < this.now - 1) {
        world.fail(
          "watchers wake",
          `a change after ${index} was applied ${this.now - changedAt} ms before its watcher woke`,
        );
      }
      if (changedAt !== undefined) world.marks.hit(isAhead ? "watch on a future index" : "watcher woken");
    }, 0.7);
  }
}
