import type { Change, KvScope } from "../fsm/index.ts";

interface Watcher {
  readonly wake: () => void;
}

/** Keys and prefixes as strings whose characters are the bytes: cheap to cut and to look up. */
function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/**
 * Reads that wait for a change. A change looks its own key and its prefixes up, so its cost does not depend on how
 * many others wait.
 */
export class Watchers {
  readonly #byKey = new Map<string, Set<Watcher>>();
  readonly #byPrefix = new Map<string, Set<Watcher>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Calls `wake` at each change in the scope until the answer is called. */
  add(scope: KvScope, wake: () => void): () => void {
    const [index, text] = "key" in scope ? [this.#byKey, toText(scope.key)] : [this.#byPrefix, toText(scope.prefix)];
    const watcher: Watcher = { wake };
    const watchers = index.get(text) ?? new Set();
    index.set(text, watchers.add(watcher));
    this.#count += 1;
    return () => {
      if (!watchers.delete(watcher)) return;
      this.#count -= 1;
      if (watchers.size === 0) index.delete(text);
    };
  }

  onChange(change: Change): void {
    if (this.#count === 0) return;
    if (change.kind === "reset") return this.wakeAll();
    const key = toText(change.key);
    wakeEach(this.#byKey.get(key));
    if (this.#byPrefix.size === 0) return;
    for (let length = 0; length <= key.length; length += 1) wakeEach(this.#byPrefix.get(key.slice(0, length)));
  }

  wakeAll(): void {
    for (const watchers of [...this.#byKey.values(), ...this.#byPrefix.values()]) wakeEach(watchers);
  }
}

function wakeEach(watchers: ReadonlySet<Watcher> | undefined): void {
  if (watchers === undefined) return;
  // A watcher that is woken removes itself.
  for (const watcher of Array.from(watchers)) watcher.wake();
}
