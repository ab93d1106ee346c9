import {
  checkHistory,
  versionedKv,
  type Operation,
  type VersionedInput,
  type VersionedOutput,
} from "../../linearizability/index.ts";
import type { KvRead, KvWrite, KvWriteResult } from "./command.ts";

/** What a client asked for. */
export type Asked = KvWrite | { readonly kind: "get"; readonly key: number };

/** What it was told; `undefined` as a row: there was none. */
export type Told =
  | { readonly kind: "write"; readonly result: KvWriteResult }
  | { readonly kind: "read"; readonly row: KvRead | undefined };

/** What became of a write, whoever was told: its result, and the time before which it happened. */
export interface Outcome {
  readonly result: KvWriteResult;
  readonly at: number;
}

const CHECK_MS_MAX = 2_000;

type Seen = Operation<VersionedInput, VersionedOutput>;

export type Verdict =
  | { readonly kind: "linearizable" }
  | { readonly kind: "violation"; readonly why: string }
  /** Time was up. */
  | { readonly kind: "undecided" };

/** What all clients saw. Unknown outcomes stay unknown; what surely did not happen, and reads without answer, are left out. */
export class History {
  readonly #operations: Seen[] = [];
  #clientCount = 0;

  get size(): number {
    return this.#operations.length;
  }

  /** A client whose outcome stays unknown goes on as a new one. */
  newClient(): number {
    this.#clientCount += 1;
    return this.#clientCount;
  }

  add(
    client: number,
    asked: Asked,
    seen: { readonly from: number; readonly to: number; readonly told: Told | undefined },
  ): void {
    if (asked.kind === "get" && seen.told === undefined) return;
    this.#operations.push({
      client,
      key: String(asked.key),
      call: seen.from,
      return: seen.told === undefined ? Infinity : seen.to,
      input: toInput(asked),
      output: seen.told === undefined ? undefined : toOutput(seen.told),
    });
  }

  /**
   * Why no single copy could have given these answers. With `outcomes`, by value, nothing is left unknown: what the log
   * says of a write whose client was not told must fit in, too, and is no reason to search through all that might be.
   */
  check(outcomes?: ReadonlyMap<string, Outcome>): Verdict {
    const operations =
      outcomes === undefined ? this.#operations : this.#operations.flatMap((one) => resolved(one, outcomes));
    const result = checkHistory(versionedKv, operations, { timeLimitMs: CHECK_MS_MAX });
    if (result.verdict !== "violation") return { kind: result.verdict };
    return { kind: "violation", why: JSON.stringify(result.counterexample, undefined, 1).slice(0, 4000) };
  }
}

/** None when it did not happen, or changed nothing. */
function resolved(operation: Seen, outcomes: ReadonlyMap<string, Outcome>): readonly Seen[] {
  const { input, output } = operation;
  if (output !== undefined || !("value" in input)) return [operation];
  const outcome = outcomes.get(input.value);
  if (outcome?.result.kind !== "written") return [];
  return [{ ...operation, return: outcome.at, output: { kind: "done", index: outcome.result.index } }];
}

function toInput(asked: Asked): VersionedInput {
  if (asked.kind === "get") return { kind: "get" };
  const value = String(asked.value);
  return asked.kind === "put" ? { kind: "put", value } : { kind: "cas", expected: asked.expected, value };
}

function toOutput(told: Told): VersionedOutput {
  if (told.kind === "read") {
    const { row } = told;
    return { kind: "read", value: row === undefined ? undefined : String(row.value), index: row?.index ?? 0 };
  }
  return told.result.kind === "written" ? { kind: "done", index: told.result.index } : { kind: "refused" };
}
