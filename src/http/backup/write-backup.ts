import { utf8 } from "../../base/index.ts";
import type { FrozenState } from "../../fsm/index.ts";
import { headerText, MAGIC, record, TAGS, trailerText } from "./backup-format.ts";

const PART_BYTES = 256 * 1024;

/** What a backup says of itself besides its contents. */
export interface BackupSource {
  readonly clusterId: string;
  readonly version: string;
  readonly takenAt: string;
}

/** Pulled by the reader: one part is encoded at a time, and nothing that is applied meanwhile shows in it. */
export function writeBackup(frozen: FrozenState, source: BackupSource): ReadableStream<Uint8Array> {
  const parts = encode(frozen, source);
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const next = parts.next();
        if (next.done !== true) return controller.enqueue(next.value);
        frozen.release();
        controller.close();
      },
      cancel: () => frozen.release(),
    },
    { highWaterMark: 0 },
  );
}

function* encode(frozen: FrozenState, source: BackupSource): Generator<Uint8Array, void> {
  const sha = new Bun.CryptoHasher("sha256");
  const hashed = (bytes: Uint8Array): Uint8Array => {
    sha.update(bytes);
    return bytes;
  };
  const { index, time } = frozen.moment;
  yield hashed(utf8(MAGIC));
  yield hashed(record(TAGS.header, utf8(headerText({ ...source, index, time }))));
  let stateBytes = 0;
  for (let part = frozen.next(PART_BYTES); part !== undefined; part = frozen.next(PART_BYTES)) {
    stateBytes += part.length;
    yield hashed(record(TAGS.data, Bun.zstdCompressSync(part)));
  }
  const { stateHash, hashVersion } = frozen;
  yield record(TAGS.trailer, utf8(trailerText({ stateHash, hashVersion, stateBytes, sha256: sha.digest("hex") })));
}
