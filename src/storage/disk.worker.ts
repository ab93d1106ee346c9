import { MalformedBytes, type ByteReader, type ByteWriter } from "../base/index.ts";
import { LogService } from "./log-service.ts";
import { SnapshotService } from "./snapshot-service.ts";
import { endMessage, kept, openMessage, startMessage } from "./thread-message.ts";
import { encodeFailure, EVENT_ID, OPS, STATUS, type DiskService, type Request } from "./wire.ts";

// A thread of its own for one store, because a slow disk must not stop heartbeats. Whatever throws here ends the
// thread, and the main thread takes any end of it as a failure of the disk.
declare const self: Worker;

/** All of an answer but what its service says it takes. */
const ANSWER_BYTES = 64;

const log = new LogService((failure) => post(encodeFailure(EVENT_ID, failure)));
const snapshots = new SnapshotService();

self.addEventListener("message", (event: MessageEvent<unknown>) => {
  if (!(event.data instanceof ArrayBuffer)) throw new MalformedBytes("A request must be an ArrayBuffer");
  const body = openMessage(event.data);
  const id = body.u32();
  const op = body.u8();
  const request = requestOf({ id, op, body }, event.data);
  if (op === OPS.collect) return collect(request);
  const service: DiskService = op < OPS.openSnapshots ? log : snapshots;
  service.handle(request);
});

/** This thread has a heap of its own. */
function collect({ ok }: Request): void {
  Bun.gc(true);
  ok();
}

/** Whoever answers has read the request: its buffer takes the answer. */
function requestOf(
  { id, op, body }: { readonly id: number; readonly op: number; readonly body: ByteReader },
  buffer: ArrayBuffer,
): Request {
  return {
    op,
    body,
    ok: (write, bytesMax = 0) => {
      const writer = startMessage(kept(buffer), bytesMax + ANSWER_BYTES)
        .u32(id)
        .u8(STATUS.ok);
      write?.(writer);
      post(writer);
    },
    fail: (failure) => post(encodeFailure(id, failure)),
  };
}

function post(writer: ByteWriter): void {
  const buffer = endMessage(writer);
  self.postMessage(buffer, [buffer]);
}
