import { fromUtf8, MalformedBytes, utf8, type ByteReader, type ByteWriter, type LogIndex } from "../../base/index.ts";
import type { RowFormat } from "../state/state-table.ts";

export type CheckStatus = "passing" | "warning" | "critical";

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
  /** Is removed when no heartbeat came for this long; 0: never. */
  readonly deregisterAfterMs: number;
}

/** One instance of a service. Frozen. */
export interface ServiceRow extends ServiceInstance {
  readonly status: CheckStatus;
  readonly output: string;
  readonly createIndex: LogIndex;
  /** Index of the last entry that changed anything of it, its status too. */
  readonly modifyIndex: LogIndex;
}

export function serviceRow(row: ServiceRow): ServiceRow {
  const { address, port, tags, meta, weight, ttlMs, deregisterAfterMs } = row;
  const { status, output, createIndex, modifyIndex } = row;
  return Object.freeze({
    address,
    port,
    tags,
    meta,
    weight,
    ttlMs,
    deregisterAfterMs,
    status,
    output,
    createIndex,
    modifyIndex,
  });
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

const STATUSES = ["passing", "warning", "critical"] as const;

export function writeStatus(writer: ByteWriter, status: CheckStatus): ByteWriter {
  return writer.u8(STATUSES.indexOf(status));
}

/** @throws MalformedBytes */
export function readStatus(reader: ByteReader): CheckStatus {
  const number = reader.u8();
  const status = STATUSES[number];
  if (status === undefined) throw new MalformedBytes(`Cannot read a status ${number} as this program knows none such`);
  return status;
}

export function writeInstance(writer: ByteWriter, instance: ServiceInstance): void {
  const { address, port, tags, meta, weight, ttlMs, deregisterAfterMs } = instance;
  writer.text(address).u16(port).u16(tags.length);
  for (const tag of tags) writer.text(tag);
  writer.u16(meta.length);
  for (const [name, value] of meta) writer.text(name).text(value);
  writer.u32(weight).u53(ttlMs).u53(deregisterAfterMs);
}

/** @throws MalformedBytes */
export function readInstance(reader: ByteReader): ServiceInstance {
  const address = reader.text();
  const port = reader.u16();
  const tags = Array.from({ length: reader.u16() }, () => reader.text());
  const meta = Array.from({ length: reader.u16() }, () => [reader.text(), reader.text()] as const);
  return { address, port, tags, meta, weight: reader.u32(), ttlMs: reader.u53(), deregisterAfterMs: reader.u53() };
}

export const serviceRowFormat: RowFormat<ServiceRow> = {
  section: 2,
  name: "services",
  write: (writer, row) => {
    writeInstance(writer, row);
    writeStatus(writer, row.status).text(row.output).u53(row.createIndex).u53(row.modifyIndex);
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
    });
  },
  hash: (hasher, row) => {
    hasher.bytes(utf8(row.address)).number(row.port).number(row.weight).number(row.ttlMs).number(row.deregisterAfterMs);
    hasher.number(row.tags.length);
    for (const tag of row.tags) hasher.bytes(utf8(tag));
    hasher.number(row.meta.length);
    for (const [name, value] of row.meta) hasher.bytes(utf8(name)).bytes(utf8(value));
    hasher.number(STATUSES.indexOf(row.status)).bytes(utf8(row.output));
    hasher.number(row.createIndex).number(row.modifyIndex);
  },
  sizeBytes: (row) => {
    const texts = [row.address, row.output, ...row.tags, ...row.meta.flat()];
    return texts.reduce((sum, text) => sum + text.length + 16, 0);
  },
};
