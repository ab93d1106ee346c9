import { ByteReader, ByteWriter, MalformedBytes } from "../base/index.ts";
import { LogService } from "./log-service.ts";
import { toTransferable } from "./persist-codec.ts";
import { SnapshotService } from "./snapshot-service.ts";
import { encodeFailure, EVENT_ID, OPS, STATUS, type DiskService, type Request } from "./wire.ts";

// A thread of its own for one store, because a slow disk must not stop heartbeats. Whatever throws here ends the
// thread, and the main thread takes any end of it as a failure of the disk.
declare const self: Worker;

const log = new LogService((failure) => post(encodeFailure(EVENT_ID, failure)));
const snapshots = new SnapshotService();

self.addEventListener("message", (event: MessageEvent<unknown>) => {
  if (!(event.data instanceof ArrayBuffer)) throw new MalformedBytes("A request must be an ArrayBuffer");
  const body = new ByteReader(new Uint8Array(event.data));
  const id = body.u32();
  const op = body.u8();
  if (op === OPS.collect) return collect(requestOf(id, op, body));
  const service: DiskService = op < OPS.openSnapshots ? log : snapshots;
  service.handle(requestOf(id, op, body));
});

/** This thread has a heap of its own. */
function collect({ ok }: Request): void {
  Bun.gc(true);
  ok();
}

function requestOf(id: number, op: number, body: ByteReader): Request {
  return {
    op,
    body,
    ok: (write, bytesMax = 0) => {
      const writer = new ByteWriter(64 + bytesMax).u32(id).u8(STATUS.ok);
      write?.(writer);
      post(writer);
    },
    fail: (failure) => post(encodeFailure(id, failure)),
  };
}

function post(writer: ByteWriter): void {
  const buffer = toTransferable(writer);
  self.postMessage(buffer, [buffer]);
}
