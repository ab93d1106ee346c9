const LINES_MAX = 1000;
/** A line is cut there: the memory of all is bounded. */
const LINE_CHARACTERS_MAX = 2000;

/** The last lines of the log, for a support bundle. What a line must not hold was left out before it came here. */
export class RecentLines {
  readonly #lines: string[] = [];
  /** Where the next line goes once all places are taken. */
  #next = 0;

  add(line: string): void {
    this.#lines[this.#next] = line.slice(0, LINE_CHARACTERS_MAX);
    this.#next = (this.#next + 1) % LINES_MAX;
  }

  /** Oldest first. */
  all(): readonly string[] {
    return [...this.#lines.slice(this.#next), ...this.#lines.slice(0, this.#next)];
  }
}
