import { fromUtf8, utf8, type ByteReader, type ByteWriter, type LogIndex } from "../../base/index.ts";
import type { RowFormat } from "../state/state-table.ts";
import {
  hashCheck,
  readActiveCheck,
  readCheckState,
  writeActiveCheck,
  writeCheckState,
  type ActiveCheck,
  type CheckState,
} from "./active-check.ts";
import { readStatus, STATUSES, worstOf, writeStatus, type CheckStatus } from "./check-status.ts";

/** What a client says about an instance. Times in ms. */
export interface ServiceInstance {
  readonly address: string;
  /** 0 to 65535. */
  readonly port: number;
  /** Sorted, each once. */
  readonly tags: readonly string[];
  /** Sorted by name, each name once. */
  readonly meta: readonly (readonly [name: string, value: string])[];
  readonly weight: number;
  /** Becomes critical when no heartbeat came for this long; 0: needs none. */
  readonly ttlMs: number;
  /** Is removed when no heartbeat came for this long, or without a TTL when it was critical for so long; 0: never. */
  readonly deregisterAfterMs: number;
  /** What the cluster checks by itself; sorted by name, each once. */
  readonly checks: readonly ActiveCheck[];
}

/** One instance of a service. Frozen. */
export interface ServiceRow extends ServiceInstance {
  /** As its owner says, or its TTL. */
  readonly status: CheckStatus;
  readonly output: string;
  /** Of each of the checks, in their order. */
  readonly checkStates: readonly CheckState[];
  readonly createIndex: LogIndex;
  /** Index of the last entry that changed anything of it, its status too. */
  readonly modifyIndex: LogIndex;
}

export function serviceRow(row: ServiceRow): ServiceRow {
  const { address, port, tags, meta, weight, ttlMs, deregisterAfterMs, checks } = row;
  const { status, output, checkStates, createIndex, modifyIndex } = row;
  return Object.freeze({
    address,
    port,
    tags,
    meta,
    weight,
    ttlMs,
    deregisterAfterMs,
    checks,
    status,
    output,
    checkStates,
    createIndex,
    modifyIndex,
  });
}

/** As good as the worst that is known of the instance. */
export function overallStatus({ status, checkStates }: ServiceRow): CheckStatus {
  return checkStates.length === 0 ? status : worstOf([status, ...checkStates.map((state) => state.status)]);
}

/** Name and id behind each other: a name holds no NUL, so all instances of a name stand together. */
export function serviceKey(name: string, id: string): Uint8Array {
  return utf8(`${name}\0${id}`);
}

export function parseServiceKey(key: Uint8Array): { readonly name: string; readonly id: string } {
  const text = fromUtf8(key);
  const at = text.indexOf("\0");
  return { name: text.slice(0, at), id: text.slice(at + 1) };
}

export function writeInstance(writer: ByteWriter, instance: ServiceInstance): void {
  const { address, port, tags, meta, weight, ttlMs, deregisterAfterMs, checks } = instance;
  writer.text(address).u16(port).u16(tags.length);
  for (const tag of tags) writer.text(tag);
  writer.u16(meta.length);
  for (const [name, value] of meta) writer.text(name).text(value);
  writer.u32(weight).u53(ttlMs).u53(deregisterAfterMs).u16(checks.length);
  for (const check of checks) writeActiveCheck(writer, check);
}

/** @throws MalformedBytes */
export function readInstance(reader: ByteReader): ServiceInstance {
  const address = reader.text();
  const port = reader.u16();
  const tags = Array.from({ length: reader.u16() }, () => reader.text());
  const meta = Array.from({ length: reader.u16() }, () => [reader.text(), reader.text()] as const);
  return {
    address,
    port,
    tags,
    meta,
    weight: reader.u32(),
    ttlMs: reader.u53(),
    deregisterAfterMs: reader.u53(),
    checks: Array.from({ length: reader.u16() }, () => readActiveCheck(reader)),
  };
}

export const serviceRowFormat: RowFormat<ServiceRow> = {
  section: 2,
  name: "services",
  write: (writer, row) => {
    writeInstance(writer, row);
    writeStatus(writer, row.status).text(row.output).u53(row.createIndex).u53(row.modifyIndex);
    for (const state of row.checkStates) writeCheckState(writer, state);
  },
  read: (reader) => {
    const instance = readInstance(reader);
    const status = readStatus(reader);
    return serviceRow({
      ...instance,
      status,
      output: reader.text(),
      createIndex: reader.u53(),
      modifyIndex: reader.u53(),
      checkStates: instance.checks.map(() => readCheckState(reader)),
    });
  },
  hash: (hasher, row) => {
    hasher.bytes(utf8(row.address)).number(row.port).number(row.weight).number(row.ttlMs).number(row.deregisterAfterMs);
    hasher.number(row.tags.length);
    for (const tag of row.tags) hasher.bytes(utf8(tag));
    hasher.number(row.meta.length);
    for (const [name, value] of row.meta) hasher.bytes(utf8(name)).bytes(utf8(value));
    hasher.number(STATUSES.indexOf(row.status)).bytes(utf8(row.output));
    hasher.number(row.createIndex).number(row.modifyIndex).number(row.checks.length);
    for (const [at, check] of row.checks.entries()) hashCheck(hasher, check, row.checkStates[at]);
  },
  sizeBytes: (row) => {
    const texts = [row.address, row.output, ...row.tags, ...row.meta.flat()];
    for (const { name, target } of row.checks) texts.push(name, target);
    for (const { output } of row.checkStates) texts.push(output);
    return texts.reduce((sum, text) => sum + text.length + 16, 0);
  },
};
