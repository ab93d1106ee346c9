import type { Change, StateScope } from "../fsm/index.ts";

interface Watcher {
  readonly wake: () => void;
}

/** Keys and prefixes as strings whose characters are the bytes: cheap to cut and to look up. */
function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** Keeps the tables apart, as a key may be in several. */
const TAGS = { kv: "k", services: "s" } as const;

function nameOf(scope: StateScope): string {
  if ("services" in scope) return TAGS.services + toText(scope.services);
  return TAGS.kv + toText("key" in scope ? scope.key : scope.prefix);
}

/**
 * Reads that wait for a change. A change looks its own key and its prefixes up, so its cost does not depend on how
 * many others wait.
 */
export class Watchers {
  readonly #byKey = new Map<string, Set<Watcher>>();
  readonly #byPrefix = new Map<string, Set<Watcher>>();
  /** How many prefixes are watched, by their length: a change cuts its key to these lengths only. */
  readonly #prefixLengths = new Map<number, number>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Calls `wake` at each change in the scope until the answer is called. */
  add(scope: StateScope, wake: () => void): () => void {
    const isKey = "key" in scope;
    const index = isKey ? this.#byKey : this.#byPrefix;
    const text = nameOf(scope);
    const watcher: Watcher = { wake };
    const others = index.get(text);
    if (others === undefined) {
      index.set(text, new Set([watcher]));
      if (!isKey) this.#prefixLengths.set(text.length, (this.#prefixLengths.get(text.length) ?? 0) + 1);
    } else others.add(watcher);
    this.#count += 1;
    return () => {
      const watchers = index.get(text);
      if (watchers?.delete(watcher) !== true) return;
      this.#count -= 1;
      if (watchers.size > 0) return;
      index.delete(text);
      if (!isKey) this.#forgetPrefixLength(text.length);
    };
  }

  onChange(change: Change): void {
    if (this.#count === 0) return;
    if (change.kind === "reset") return this.wakeAll();
    const key = TAGS[change.table] + toText(change.key);
    wakeEach(this.#byKey.get(key));
    for (const length of this.#prefixLengths.keys()) {
      if (length <= key.length) wakeEach(this.#byPrefix.get(key.slice(0, length)));
    }
  }

  wakeAll(): void {
    for (const watchers of [...this.#byKey.values(), ...this.#byPrefix.values()]) wakeEach(watchers);
  }

  #forgetPrefixLength(length: number): void {
    const left = (this.#prefixLengths.get(length) ?? 0) - 1;
    if (left > 0) this.#prefixLengths.set(length, left);
    else this.#prefixLengths.delete(length);
  }
}

function wakeEach(watchers: ReadonlySet<Watcher> | undefined): void {
  if (watchers === undefined) return;
  // A watcher that is woken removes itself.
  for (const watcher of Array.from(watchers)) watcher.wake();
}
