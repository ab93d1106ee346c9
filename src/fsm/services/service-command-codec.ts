import { unreachable, type ByteReader, type ByteWriter, type LogIndex } from "../../base/index.ts";
import { InvalidCommand } from "../invalid-command.ts";
import { readStatus, writeStatus } from "./check-status.ts";
import type { CheckUpdate, ServiceCommand, StatusUpdate } from "./service-command.ts";
import { readInstance, writeInstance, type ServiceInstance } from "./service-row.ts";

/** Type bytes 0x20 to 0x2f belong to this domain. Part of the format: never reused. */
const TYPES = { register: 0x20, deregister: 0x21, status: 0x22, checked: 0x23 } as const;

/** Bounds of the format, the same on every node for ever. */
export const SERVICE_LIMITS = {
  nameBytesMax: 256,
  textBytesMax: 4096,
  tagsMax: 64,
  metaMax: 64,
  updatesMax: 1000,
  checksMax: 16,
  thresholdMax: 100,
  /** A day. */
  checkMsMax: 86_400_000,
  /** A year. */
  ttlMsMax: 366 * 86_400_000,
} as const;

/** Writes type byte and fields. @throws InvalidCommand */
export function writeServiceCommand(writer: ByteWriter, command: ServiceCommand): void {
  switch (command.kind) {
    case "service-register":
      checkName(command.name);
      checkName(command.id);
      checkInstance(command.instance);
      writer.u8(TYPES.register).text(command.name).text(command.id);
      writeInstance(writer, command.instance);
      writeOptionalIndex(writer, command.cas);
      return;
    case "service-deregister":
      checkName(command.name);
      writer.u8(TYPES.deregister).text(command.name);
      if (command.id === undefined) writer.u8(0);
      else {
        checkName(command.id);
        writer.u8(1).text(command.id);
      }
      writeOptionalIndex(writer, command.ifIndex);
      return;
    case "service-status":
      checkCount("updates", command.updates.length, SERVICE_LIMITS.updatesMax);
      writer.u8(TYPES.status).u16(command.updates.length);
      for (const update of command.updates) writeUpdate(writer, update);
      return;
    case "service-checked":
      checkCount("updates", command.updates.length, SERVICE_LIMITS.updatesMax);
      writer.u8(TYPES.checked).u16(command.updates.length);
      for (const update of command.updates) writeChecked(writer, update);
      return;
    default:
      return unreachable(command);
  }
}

/** Reads the fields behind a type byte; undefined: not of this domain. @throws InvalidCommand, MalformedBytes */
export function readServiceCommand(type: number, reader: ByteReader): ServiceCommand | undefined {
  if (type === TYPES.register) {
    const name = readName(reader);
    const id = readName(reader);
    const instance = readInstance(reader);
    checkInstance(instance);
    const cas = readOptionalIndex(reader);
    return { kind: "service-register", name, id, instance, ...(cas === undefined ? {} : { cas }) };
  }
  if (type === TYPES.deregister) {
    const name = readName(reader);
    const one = readBoolean(reader) ? { id: readName(reader) } : {};
    const ifIndex = readOptionalIndex(reader);
    return { kind: "service-deregister", name, ...one, ...(ifIndex === undefined ? {} : { ifIndex }) };
  }
  if (type === TYPES.status) {
    const count = reader.u16();
    checkCount("updates", count, SERVICE_LIMITS.updatesMax);
    return { kind: "service-status", updates: Array.from({ length: count }, () => readUpdate(reader)) };
  }
  if (type === TYPES.checked) {
    const count = reader.u16();
    checkCount("updates", count, SERVICE_LIMITS.updatesMax);
    return { kind: "service-checked", updates: Array.from({ length: count }, () => readChecked(reader)) };
  }
  return undefined;
}

function writeUpdate(writer: ByteWriter, { name, id, status, output, ifIndex }: StatusUpdate): void {
  checkName(name);
  checkName(id);
  checkText("output", output);
  writeStatus(writer.text(name).text(id), status).text(output);
  writeOptionalIndex(writer, ifIndex);
}

function readUpdate(reader: ByteReader): StatusUpdate {
  const name = readName(reader);
  const id = readName(reader);
  const status = readStatus(reader);
  const output = reader.text(SERVICE_LIMITS.textBytesMax);
  const ifIndex = readOptionalIndex(reader);
  return { name, id, status, output, ...(ifIndex === undefined ? {} : { ifIndex }) };
}

function writeChecked(writer: ByteWriter, { name, id, check, since, status, output }: CheckUpdate): void {
  for (const one of [name, id, check]) checkName(one);
  checkText("output", output);
  checkRange("index", since, Number.MAX_SAFE_INTEGER);
  writeStatus(writer.text(name).text(id).text(check).u53(since), status).text(output);
}

function readChecked(reader: ByteReader): CheckUpdate {
  const [name, id, check] = [readName(reader), readName(reader), readName(reader)];
  const since = reader.u53();
  return { name, id, check, since, status: readStatus(reader), output: reader.text(SERVICE_LIMITS.textBytesMax) };
}

function readName(reader: ByteReader): string {
  const name = reader.text(SERVICE_LIMITS.nameBytesMax);
  checkName(name);
  return name;
}

function checkName(name: string): void {
  const size = Buffer.byteLength(name);
  if (size === 0 || size > SERVICE_LIMITS.nameBytesMax || name.includes("\0"))
    throw new InvalidCommand(`A name must have 1 to ${SERVICE_LIMITS.nameBytesMax} bytes and no NUL: it has ${size}`);
}

function checkText(what: string, text: string): void {
  const size = Buffer.byteLength(text);
  if (size > SERVICE_LIMITS.textBytesMax)
    throw new InvalidCommand(`The ${what} must have at most ${SERVICE_LIMITS.textBytesMax} bytes: it has ${size}`);
}

function checkInstance(instance: ServiceInstance): void {
  const { address, port, tags, meta, weight, ttlMs, deregisterAfterMs, checks } = instance;
  checkText("address", address);
  checkRange("port", port, 65_535);
  checkRange("weight", weight, 0xffff_ffff);
  checkRange("TTL", ttlMs, SERVICE_LIMITS.ttlMsMax);
  checkRange("time until removal", deregisterAfterMs, 2 ** 53 - 1);
  checkCount("tags", tags.length + 1, SERVICE_LIMITS.tagsMax + 1);
  checkCount("meta", meta.length + 1, SERVICE_LIMITS.metaMax + 1);
  for (const tag of tags) checkText("tag", tag);
  for (const text of meta.flat()) checkText("meta", text);
  checkAscending("tags", tags);
  checkAscending(
    "meta",
    meta.map(([name]) => name),
  );
  checkCount("checks", checks.length + 1, SERVICE_LIMITS.checksMax + 1);
  for (const check of checks) checkActive(check);
  checkAscending(
    "checks",
    checks.map(({ name }) => name),
  );
}

function checkActive(check: ServiceInstance["checks"][number]): void {
  checkName(check.name);
  checkText("target", check.target);
  checkRange("interval", check.intervalMs, SERVICE_LIMITS.checkMsMax);
  checkRange("timeout", check.timeoutMs, SERVICE_LIMITS.checkMsMax);
  checkCount("successes in a row", check.successThreshold, SERVICE_LIMITS.thresholdMax);
  checkCount("failures in a row", check.failureThreshold, SERVICE_LIMITS.thresholdMax);
}

/** One encoding for one meaning. */
function checkAscending(what: string, texts: readonly string[]): void {
  for (const [at, text] of texts.entries()) {
    const before = texts[at - 1];
    if (before !== undefined && before >= text) throw new InvalidCommand(`The ${what} must be sorted, each once`);
  }
}

function checkRange(what: string, value: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > max)
    throw new InvalidCommand(`The ${what} must be a whole number from 0 to ${max}: it is ${value}`);
}

function checkCount(what: string, count: number, max: number): void {
  if (count < 1 || count > max) throw new InvalidCommand(`There must be 1 to ${max} ${what}: there are ${count}`);
}

function writeOptionalIndex(writer: ByteWriter, index: LogIndex | undefined): void {
  if (index === undefined) writer.u8(0);
  else {
    checkRange("index", index, Number.MAX_SAFE_INTEGER);
    writer.u8(1).u53(index);
  }
}

function readOptionalIndex(reader: ByteReader): LogIndex | undefined {
  return readBoolean(reader) ? reader.u53() : undefined;
}

function readBoolean(reader: ByteReader): boolean {
  const byte = reader.u8();
  if (byte > 1) throw new InvalidCommand(`A yes-or-no byte must be 0 or 1: it is ${byte}`);
  return byte === 1;
}
