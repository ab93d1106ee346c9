import type { KvRow } from "../kv/kv-row.ts";

/** Which keys each session holds: derived from the rows, so it is in no snapshot. */
export class LockHolders {
  readonly #holderOf = new Map<string, string>();
  readonly #heldBy = new Map<string, Map<string, Uint8Array>>();

  /** A key's row was set or (undefined) deleted. */
  onChange(key: Uint8Array, row: KvRow | undefined): void {
    const holder = row?.lock?.session ?? "";
    if (holder === "" && this.#holderOf.size === 0) return;
    const name = String.fromCharCode(...key);
    const before = this.#holderOf.get(name) ?? "";
    if (before === holder) return;
    const held = this.#heldBy.get(before);
    held?.delete(name);
    if (held?.size === 0) this.#heldBy.delete(before);
    if (holder === "") {
      this.#holderOf.delete(name);
      return;
    }
    this.#holderOf.set(name, holder);
    const now = this.#heldBy.get(holder) ?? new Map<string, Uint8Array>();
    this.#heldBy.set(holder, now.set(name, key));
  }

  /** In byte order, so that every node goes through them alike. */
  keysOf(session: string): readonly Uint8Array[] {
    return [...(this.#heldBy.get(session)?.values() ?? [])].toSorted((a, b) => Buffer.compare(a, b));
  }

  /** The whole state was replaced, and these of its rows have a lock. */
  rebuild(rows: Iterable<readonly [Uint8Array, KvRow]>): void {
    this.#holderOf.clear();
    this.#heldBy.clear();
    for (const [key, row] of rows) this.onChange(key, row);
  }
}
