import { ByteReader, ByteWriter, copyBytes, MalformedBytes } from "../base/index.ts";
import { codecOf, type Codec } from "./codec.ts";

/** The largest part that a reader accepts, before and after compression. */
const PART_BYTES_MAX = 16 * 1024 * 1024;

/** One compressed part: codec, sizes, bytes. Parts simply follow each other. */
export function encodePart(codec: Codec, part: Uint8Array): Uint8Array {
  const compressed = codec.compress(part);
  return new ByteWriter(compressed.length + 9).u8(codec.id).u32(part.length).bytes(compressed).finish();
}

/** Decodes parts from stored pieces that may be cut anywhere. */
export class PartDecoder {
  #rest: Uint8Array = new Uint8Array(0);

  /** Complete parts, in order. @throws MalformedBytes */
  push(piece: Uint8Array): Uint8Array[] {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const parts: Uint8Array[] = [];
    let at = 0;
    for (;;) {
      if (bytes.length - at < 9) break;
      const reader = new ByteReader(bytes.subarray(at, at + 9));
      const codec = codecOf(reader.u8());
      const size = reader.u32();
      const stored = reader.u32();
      if (codec === undefined || size > PART_BYTES_MAX || stored > PART_BYTES_MAX) {
        throw new MalformedBytes("a snapshot part has an impossible head");
      }
      if (bytes.length - at - 9 < stored) break;
      const part = codec.decompress(bytes.subarray(at + 9, at + 9 + stored), size);
      if (part.length !== size) throw new MalformedBytes("a snapshot part has another size than it says");
      parts.push(part);
      at += 9 + stored;
    }
    this.#rest = copyBytes(bytes, at);
    return parts;
  }

  /** @throws MalformedBytes when a part is incomplete */
  end(): void {
    if (this.#rest.length > 0) throw new MalformedBytes("the snapshot ends in the middle of a part");
  }
}
