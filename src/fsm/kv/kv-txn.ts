import { unreachable, type LogIndex } from "../../base/index.ts";
import type { StateTable } from "../state/state-table.ts";
import type { KvOperation, KvTxn } from "./kv-command.ts";
import type { KvOperationError, KvOperationResult, KvResult } from "./kv-result.ts";
import { kvRow, readKvHead, type KvHead, type KvRow } from "./kv-row.ts";

interface Pending {
  readonly key: Uint8Array;
  readonly row: KvRow | undefined;
}

type Outcome =
  | { readonly ok: true; readonly result: KvOperationResult }
  | { readonly ok: false; readonly error: KvOperationError };

/**
 * All operations run against an overlay, also those behind a failed one, so that the caller learns every error at
 * once. The overlay reaches the table only when none failed, and then each touched key changes once.
 */
export function applyKvTxn(table: StateTable<KvRow>, index: LogIndex, command: KvTxn): KvResult {
  const overlay = new Overlay(table, index);
  const results: KvOperationResult[] = [];
  const errors: KvOperationError[] = [];
  for (const [at, operation] of command.operations.entries()) {
    const outcome = run(overlay, operation, at);
    if (outcome.ok) results.push(outcome.result);
    else errors.push(outcome.error);
  }
  if (errors.length > 0) return { kind: "kv-txn-failed", errors };
  overlay.commit();
  return { kind: "kv-txn", modifyIndex: index, results };
}

function run(overlay: Overlay, operation: KvOperation, at: number): Outcome {
  const { key } = operation;
  switch (operation.op) {
    case "set":
      return { ok: true, result: { op: "set", key, row: overlay.set(operation) } };
    case "delete":
      return { ok: true, result: { op: "delete", key, existed: overlay.delete(key) } };
    case "get": {
      const row = overlay.row(key);
      return row === undefined
        ? { ok: false, error: { operation: at, kind: "not-found", key } }
        : { ok: true, result: { op: "get", key, row } };
    }
    case "check-index": {
      const modifyIndex = overlay.head(key)?.modifyIndex ?? 0;
      return modifyIndex === operation.index
        ? { ok: true, result: { op: "check-index", key, modifyIndex } }
        : { ok: false, error: { operation: at, kind: "cas-conflict", key, modifyIndex } };
    }
    default:
      return unreachable(operation);
  }
}

/** The table with the changes of a transaction that is not decided yet. */
class Overlay {
  readonly #table: StateTable<KvRow>;
  readonly #index: LogIndex;
  /** In the order in which keys were first touched. */
  readonly #pending = new Map<string, Pending>();

  constructor(table: StateTable<KvRow>, index: LogIndex) {
    this.#table = table;
    this.#index = index;
  }

  row(key: Uint8Array): KvRow | undefined {
    const pending = this.#pending.get(nameOf(key));
    return pending === undefined ? this.#table.get(key) : pending.row;
  }

  /** Without the value, which would be copied. */
  head(key: Uint8Array, name = nameOf(key)): KvHead | undefined {
    const pending = this.#pending.get(name);
    return pending === undefined ? this.#table.getPart(key, readKvHead) : pending.row;
  }

  set({ key, value, flags }: { readonly key: Uint8Array; readonly value: Uint8Array; readonly flags: bigint }): KvRow {
    const name = nameOf(key);
    const old = this.head(key, name);
    const createIndex = old?.createIndex ?? this.#index;
    const row = kvRow({ ...old, value, flags, createIndex, modifyIndex: this.#index });
    this.#pending.set(name, { key, row });
    return row;
  }

  /** Whether the key was there. */
  delete(key: Uint8Array): boolean {
    const name = nameOf(key);
    const isThere = this.head(key, name) !== undefined;
    this.#pending.set(name, { key, row: undefined });
    return isThere;
  }

  commit(): void {
    for (const { key, row } of this.#pending.values()) {
      if (row === undefined) this.#table.delete(key);
      else this.#table.set(key, row);
    }
  }
}

const names = new TextDecoder("latin1");

/** Bytes as a map key: one UTF-16 unit a byte, another one for each. */
function nameOf(key: Uint8Array): string {
  return names.decode(key);
}
