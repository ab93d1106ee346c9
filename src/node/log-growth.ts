import type { LogIndex } from "../base/index.ts";

interface Mark {
  readonly index: LogIndex;
  /** Of all entries that this process had applied by then. */
  readonly bytes: number;
}

/** How many bytes of log lie between places in it, as far as this process applied them. */
export class LogGrowth {
  #now: Mark = { index: 0, bytes: 0 };
  /** Oldest first; at least the one from which all is counted. */
  #marks: readonly Mark[] = [this.#now];

  /** From here on it is counted. */
  start(index: LogIndex): void {
    this.#now = { index, bytes: 0 };
    this.#marks = [this.#now];
  }

  /** `bytes`: of all entries that this process applied. False: there is nothing new. */
  onApplied(index: LogIndex, bytes: number): boolean {
    if (bytes === this.#now.bytes) return false;
    this.#now = { index, bytes };
    return true;
  }

  mark(): void {
    this.#marks = [...this.#marks, this.#now];
  }

  /** Bytes since the last mark. */
  get sinceMark(): number {
    return this.#now.bytes - (this.#marks.at(-1)?.bytes ?? 0);
  }

  /** Of an entry, on average since the oldest mark; 0: nothing is known. */
  get entryBytes(): number {
    const { index, bytes } = this.#marks[0] ?? this.#now;
    return (this.#now.bytes - bytes) / Math.max(1, this.#now.index - index);
  }

  /** The last mark that has so many bytes of log behind it; 0: none has. Those before it are forgotten. */
  indexBefore(bytes: number): LogIndex {
    const at = this.#marks.findLastIndex((mark) => mark.bytes <= this.#now.bytes - bytes);
    if (at > 0) this.#marks = this.#marks.slice(at);
    return at < 0 ? 0 : (this.#marks[0]?.index ?? 0);
  }
}
