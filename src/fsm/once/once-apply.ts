import { EMPTY_BYTES, fromUtf8, utf8 } from "../../base/index.ts";
import { RowHasher } from "../state/row-hash.ts";
import type { StateTable } from "../state/state-table.ts";
import type { Once } from "./once-command.ts";
import type { OnceRow } from "./once-row.ts";
import { resultFromText, resultToText } from "./result-text.ts";

/** For so long a repetition is known, in ms of cluster time. */
const KEPT_MS = 3_600_000;

/** Results by idempotency key, and the order in which they get old (derived, so it is in no snapshot). */
export class OnceResults {
  readonly #rows: StateTable<OnceRow>;
  /** Times by key, oldest first. */
  #ages = new Map<string, number>();

  constructor(rows: StateTable<OnceRow>) {
    this.#rows = rows;
  }

  /** The whole state was replaced. */
  rebuild(): void {
    const rows = Array.from(
      this.#rows.range({ from: EMPTY_BYTES }),
      ([key, { time }]) => [fromUtf8(key), time] as const,
    );
    this.#ages = new Map(rows.toSorted(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)));
  }

  /** Runs the inner command, unless its key has a result. */
  apply({ key, command }: Once, time: number, run: (command: Uint8Array) => unknown): unknown {
    this.#forget(time);
    const digest = digestOf(command);
    const known = this.#rows.get(utf8(key));
    if (known !== undefined) return known.digest === digest ? resultFromText(known.result) : { kind: "once-mismatch" };
    const result = run(command);
    this.#rows.set(utf8(key), Object.freeze({ time, digest, result: resultToText(result) }));
    this.#ages.set(key, time);
    return result;
  }

  #forget(time: number): void {
    for (const [key, at] of this.#ages) {
      if (time - at < KEPT_MS) return;
      this.#ages.delete(key);
      this.#rows.delete(utf8(key));
    }
  }
}

function digestOf(command: Uint8Array): string {
  const hasher = new RowHasher().start(0).bytes(command).finish();
  return hasher.high.toString(16).padStart(8, "0") + hasher.low.toString(16).padStart(8, "0");
}
