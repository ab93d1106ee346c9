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

const CHECK_MS_MAX = 2_000;

/** What all clients saw. Unknown outcomes stay unknown; what surely did not happen, and reads without answer, are left out. */
export class History {
  readonly #operations: Operation<VersionedInput, VersionedOutput>[] = [];
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

  /** Why no single copy could have given these answers; undefined: one could, or time was up. */
  check(): string | undefined {
    const result = checkHistory(versionedKv, this.#operations, { timeLimitMs: CHECK_MS_MAX });
    if (result.verdict !== "violation") return undefined;
    return JSON.stringify(result.counterexample, undefined, 1).slice(0, 4000);
  }
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
