import type { ByteReader, ByteWriter } from "../base/index.ts";
import type { DiskFailure } from "./failures.ts";
import { startMessage } from "./thread-message.ts";

/** What the main thread asks of the Worker of a disk. */
export const OPS = {
  openLog: 1,
  persist: 2,
  read: 3,
  bootstrap: 4,
  closeLog: 5,
  openSnapshots: 20,
  write: 21,
  complete: 22,
  abort: 23,
  drop: 24,
  readStored: 25,
  receive: 26,
  loadStart: 27,
  loadNext: 28,
  closeSnapshots: 29,
  collect: 40,
} as const;

export type Op = (typeof OPS)[keyof typeof OPS];

/** First byte behind the request's number in a reply. `event` answers nobody: the store failed by itself. */
export const STATUS = { ok: 0, full: 1, untrusted: 2, environment: 3, damaged: 4 } as const;

/** The number of a reply that nobody asked for. */
export const EVENT_ID = 0;

export type Reply =
  | { readonly kind: "ok"; readonly body: ByteReader }
  | { readonly kind: "failed"; readonly failure: DiskFailure | { readonly kind: "damaged"; readonly message: string } };

/** One request in the Worker: answered exactly once. */
export interface Request {
  readonly op: number;
  readonly body: ByteReader;
  /** `bytesMax`: what a long answer will take, as an array that grows is copied again and again. */
  readonly ok: (write?: (writer: ByteWriter) => void, bytesMax?: number) => void;
  readonly fail: (failure: Extract<Reply, { kind: "failed" }>["failure"]) => void;
}

/** A service of the Worker: the log, or the snapshots. */
export interface DiskService {
  handle(request: Request): void;
}

export function encodeFailure(id: number, failure: Extract<Reply, { kind: "failed" }>["failure"]): ByteWriter {
  return startMessage(undefined).u32(id).u8(STATUS[failure.kind]).text(failure.message);
}

export function decodeReply(reader: ByteReader): Reply {
  const status = reader.u8();
  if (status === STATUS.ok) return { kind: "ok", body: reader };
  const message = reader.text();
  switch (status) {
    case STATUS.full:
      return { kind: "failed", failure: { kind: "full", message } };
    case STATUS.environment:
      return { kind: "failed", failure: { kind: "environment", message } };
    case STATUS.damaged:
      return { kind: "failed", failure: { kind: "damaged", message } };
    default:
      return { kind: "failed", failure: { kind: "untrusted", message } };
  }
}
