import { unreachable, type LogIndex } from "../../base/index.ts";
import type { StateTable } from "../state/state-table.ts";
import { prefixEnd } from "../table/byte-keys.ts";
import { isSameCheck, UNCHECKED, type ActiveCheck, type CheckState } from "./active-check.ts";
import type {
  ServiceChecked,
  ServiceCommand,
  ServiceDeregister,
  ServiceRegister,
  ServiceResult,
  ServiceStatus,
} from "./service-command.ts";
import { serviceKey, serviceRow, type ServiceRow } from "./service-row.ts";

export type ServiceTable = StateTable<ServiceRow>;

/** Applies one command at `index`. Deterministic; expected outcomes are results. */
export function applyService(table: ServiceTable, index: LogIndex, command: ServiceCommand): ServiceResult {
  switch (command.kind) {
    case "service-register":
      return register(table, index, command);
    case "service-deregister":
      return deregister(table, index, command);
    case "service-status":
      return setStatus(table, index, command);
    case "service-checked":
      return setChecked(table, index, command);
    default:
      return unreachable(command);
  }
}

/**
 * A new instance passes until its TTL is over; one that registers again is as good as new. What a check came to stays
 * while the check is the same.
 */
function register(table: ServiceTable, index: LogIndex, { name, id, instance, cas }: ServiceRegister): ServiceResult {
  const key = serviceKey(name, id);
  const old = table.get(key);
  const current = old?.modifyIndex ?? 0;
  if (cas !== undefined && cas !== current) return { kind: "service-conflict", modifyIndex: current };
  const createIndex = old?.createIndex ?? index;
  const checkStates = instance.checks.map((check) => stateOf(old, check) ?? unchecked(index));
  table.set(
    key,
    serviceRow({ ...instance, status: "passing", output: "", checkStates, createIndex, modifyIndex: index }),
  );
  return { kind: "service-registered", modifyIndex: index, createIndex };
}

function stateOf(row: ServiceRow | undefined, wanted: ActiveCheck): CheckState | undefined {
  const at = row?.checks.findIndex((check) => isSameCheck(check, wanted)) ?? -1;
  return row?.checkStates[at];
}

/** Nobody is sent to what was never seen to work. */
function unchecked(since: LogIndex): CheckState {
  return { status: "critical", output: UNCHECKED, since };
}

function deregister(table: ServiceTable, index: LogIndex, { name, id, ifIndex }: ServiceDeregister): ServiceResult {
  const keys = id === undefined ? keysOf(table, name) : [serviceKey(name, id)];
  let count = 0;
  for (const key of keys) {
    const row = table.get(key);
    if (row === undefined) continue;
    if (ifIndex !== undefined && ifIndex !== row.modifyIndex) {
      return { kind: "service-conflict", modifyIndex: row.modifyIndex };
    }
    table.delete(key);
    count += 1;
  }
  return count === 0 ? { kind: "service-not-found" } : { kind: "service-deregistered", count, modifyIndex: index };
}

function keysOf(table: ServiceTable, name: string): readonly Uint8Array[] {
  const from = serviceKey(name, "");
  const to = prefixEnd(from);
  return Array.from(table.keys({ from, ...(to === undefined ? {} : { to }) }));
}

/** A status that stays the same changes nothing: no watcher wakes for it. */
function setStatus(table: ServiceTable, index: LogIndex, { updates }: ServiceStatus): ServiceResult {
  let [changed, missing] = [0, 0];
  for (const { name, id, status, output, ifIndex } of updates) {
    const key = serviceKey(name, id);
    const row = table.get(key);
    if (row === undefined || (ifIndex !== undefined && ifIndex !== row.modifyIndex)) missing += 1;
    else if (row.status !== status || row.output !== output) {
      table.set(key, serviceRow({ ...row, status, output, modifyIndex: index }));
      changed += 1;
    }
  }
  return { kind: "service-status-set", changed, missing };
}

function setChecked(table: ServiceTable, index: LogIndex, { updates }: ServiceChecked): ServiceResult {
  let [changed, missing] = [0, 0];
  for (const { name, id, check, since, status, output } of updates) {
    const key = serviceKey(name, id);
    const row = table.get(key);
    const at = row?.checks.findIndex((one) => one.name === check) ?? -1;
    const state = row?.checkStates[at];
    if (row === undefined || state === undefined || state.since !== since) missing += 1;
    else if (state.status !== status || state.output !== output) {
      const checkStates = row.checkStates.with(at, { status, output, since });
      table.set(key, serviceRow({ ...row, checkStates, modifyIndex: index }));
      changed += 1;
    }
  }
  return { kind: "service-status-set", changed, missing };
}
