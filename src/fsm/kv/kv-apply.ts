import { unreachable, type LogIndex } from "../../base/index.ts";
import type { StateTable } from "../state/state-table.ts";
import { prefixEnd } from "../table/byte-keys.ts";
import type { KvCommand, KvDelete, KvDeletePrefix, KvSet } from "./kv-command.ts";
import type { KvResult } from "./kv-result.ts";
import { kvRow, readKvHead, type KvRow } from "./kv-row.ts";
import { applyKvTxn } from "./kv-txn.ts";

export type KvTable = StateTable<KvRow>;

/** Applies one command at `index`. Deterministic; expected outcomes are results. */
export function applyKv(table: KvTable, index: LogIndex, command: KvCommand): KvResult {
  switch (command.kind) {
    case "kv-set":
      return applySet(table, index, command);
    case "kv-delete":
      return applyDelete(table, index, command);
    case "kv-delete-prefix":
      return applyDeletePrefix(table, index, command);
    case "kv-txn":
      return applyKvTxn(table, index, command);
    default:
      return unreachable(command);
  }
}

function applySet(table: KvTable, index: LogIndex, command: KvSet): KvResult {
  const old = table.getPart(command.key, readKvHead);
  const current = old?.modifyIndex ?? 0;
  if (command.cas !== undefined && command.cas !== current) return { kind: "cas-conflict", modifyIndex: current };
  const createIndex = old?.createIndex ?? index;
  const row = { value: command.value, flags: command.flags, createIndex, modifyIndex: index };
  // A lock stays with its holder, whoever writes.
  table.set(command.key, kvRow(old?.lock === undefined ? row : { ...row, lock: old.lock }));
  return { kind: "kv-set", modifyIndex: index, createIndex };
}

function applyDelete(table: KvTable, index: LogIndex, command: KvDelete): KvResult {
  const old = table.getPart(command.key, readKvHead);
  if (old === undefined) return { kind: "not-found" };
  if (command.cas !== undefined && command.cas !== old.modifyIndex) {
    return { kind: "cas-conflict", modifyIndex: old.modifyIndex };
  }
  table.delete(command.key);
  return { kind: "kv-delete", modifyIndex: index };
}

function applyDeletePrefix(table: KvTable, index: LogIndex, command: KvDeletePrefix): KvResult {
  const { limit } = command;
  const keys: Uint8Array[] = [];
  let more = false;
  const to = prefixEnd(command.prefix);
  for (const key of table.keys({ from: command.prefix, ...(to === undefined ? {} : { to }) })) {
    more = keys.length === limit;
    if (more) break;
    keys.push(key);
  }
  if (more && command.whenMore === "refuse") return { kind: "too-many", limit };
  for (const key of keys) table.delete(key);
  return { kind: "kv-delete-prefix", deleted: keys.length, more, modifyIndex: index };
}
