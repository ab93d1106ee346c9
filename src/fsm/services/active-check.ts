import { utf8, type ByteReader, type ByteWriter, type LogIndex } from "../../base/index.ts";
import { InvalidCommand } from "../invalid-command.ts";
import type { RowHasher } from "../state/row-hash.ts";
import { readStatus, STATUSES, writeStatus, type CheckStatus } from "./check-status.ts";

const KINDS = ["http", "tcp"] as const;

/** A check that the cluster runs by itself. Times in ms. */
export interface ActiveCheck {
  /** Of its own within the instance. */
  readonly name: string;
  readonly kind: (typeof KINDS)[number];
  /** `http`: a URL; `tcp`: HOST:PORT. */
  readonly target: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** So many successes in a row make it passing. */
  readonly successThreshold: number;
  /** So many failures in a row make it critical. */
  readonly failureThreshold: number;
}

/** Output of a check that has not run. */
export const UNCHECKED = "not checked yet";

/** What came of a check. */
export interface CheckState {
  readonly status: CheckStatus;
  readonly output: string;
  /** Index of the entry that asked for the check as it is now: results of an older check are not taken for it. */
  readonly since: LogIndex;
}

export function writeActiveCheck(writer: ByteWriter, check: ActiveCheck): void {
  writer.text(check.name).u8(KINDS.indexOf(check.kind)).text(check.target);
  writer.u53(check.intervalMs).u53(check.timeoutMs).u16(check.successThreshold).u16(check.failureThreshold);
}

/** @throws MalformedBytes, InvalidCommand */
export function readActiveCheck(reader: ByteReader): ActiveCheck {
  const name = reader.text();
  const number = reader.u8();
  const kind = KINDS[number];
  if (kind === undefined) throw new InvalidCommand(`A check must be of a kind from 0 to 1: it is ${number}`);
  return {
    name,
    kind,
    target: reader.text(),
    intervalMs: reader.u53(),
    timeoutMs: reader.u53(),
    successThreshold: reader.u16(),
    failureThreshold: reader.u16(),
  };
}

export function writeCheckState(writer: ByteWriter, { status, output, since }: CheckState): void {
  writeStatus(writer, status).text(output).u53(since);
}

/** @throws MalformedBytes */
export function readCheckState(reader: ByteReader): CheckState {
  return { status: readStatus(reader), output: reader.text(), since: reader.u53() };
}

export function hashCheck(hasher: RowHasher, check: ActiveCheck, state: CheckState | undefined): void {
  hasher.bytes(utf8(check.name)).number(KINDS.indexOf(check.kind)).bytes(utf8(check.target));
  hasher.number(check.intervalMs).number(check.timeoutMs);
  hasher.number(check.successThreshold).number(check.failureThreshold);
  if (state !== undefined) {
    hasher.number(STATUSES.indexOf(state.status)).bytes(utf8(state.output)).number(state.since);
  }
}

export function isSameCheck(a: ActiveCheck, b: ActiveCheck): boolean {
  return (
    a.name === b.name &&
    a.kind === b.kind &&
    a.target === b.target &&
    a.intervalMs === b.intervalMs &&
    a.timeoutMs === b.timeoutMs &&
    a.successThreshold === b.successThreshold &&
    a.failureThreshold === b.failureThreshold
  );
}
