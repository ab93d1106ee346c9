import { fromUtf8, utf8 } from "../../../src/base/index.ts";
import type { KonsulFsm } from "../../../src/fsm/index.ts";
import { Tenant } from "./tenant.ts";

const CHANGES_AT_ONCE = 5;

/** Keeps a copy of a prefix by the feed of changes of whatever node it asks: never a silent gap. */
export class FollowerOfChanges extends Tenant {
  #copy = new Map<string, number>();
  #position: { readonly index: number; readonly sub?: number } = { index: 0 };

  protected async round(): Promise<void> {
    const { random } = this;
    await this.wait(random.float() * 400);
    await this.ask(async ({ replica, fsm }) => {
      const failure = await replica.prepareRead({ isConsistent: false, minIndex: this.#position.index });
      if (failure === undefined) this.#read(fsm);
    }, 0.8);
  }

  #read(fsm: KonsulFsm): void {
    for (let rounds = this.random.between(1, 6); rounds > 0; rounds -= 1) {
      const found = fsm.changes.changesSince(this.#position, CHANGES_AT_ONCE);
      if (found.kind === "compacted") {
        this.world.marks.hit("feed began anew");
        this.#readAtEdge(fsm, found.oldest);
        this.#copy = this.#listed(fsm);
        this.#position = { index: fsm.appliedIndex };
        return;
      }
      for (const change of found.changes) {
        if (change.table !== "kv") continue;
        const key = fromUtf8(change.key);
        if (change.kind === "delete") this.#copy.delete(key);
        else this.#copy.set(key, change.row.modifyIndex);
      }
      const end = found.changes.at(-1);
      if (!found.isComplete) {
        if (end !== undefined) this.#position = { index: end.index, sub: end.sub };
        continue;
      }
      this.#position = { index: fsm.appliedIndex };
      this.#compare(fsm);
      return;
    }
  }

  /** What follows the last dropped change is all there. */
  #readAtEdge({ changes }: KonsulFsm, oldest: number): void {
    this.world.marks.hit("watch at the compaction index");
    if (changes.changesSince({ index: oldest }, CHANGES_AT_ONCE).kind === "compacted") {
      this.world.fail("no gap in the feed", `the oldest change is said to be ${oldest}, and is not there`);
    }
  }

  #compare(fsm: KonsulFsm): void {
    const [copy, there] = [this.#copy, this.#listed(fsm)].map((map) =>
      JSON.stringify([...map].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    );
    if (copy !== there)
      this.world.fail(
        "no gap in the feed",
        `at ${fsm.appliedIndex} the copy is ${copy ?? ""}, the state ${there ?? ""}`,
      );
  }

  #listed(fsm: KonsulFsm): Map<string, number> {
    const { items } = fsm.kv.list({ prefix: utf8(""), limit: 10_000 });
    return new Map(items.map(({ key, row }) => [fromUtf8(key), row.modifyIndex] as const));
  }
}
