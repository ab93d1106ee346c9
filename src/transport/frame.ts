import { ByteWriter, copyBytes, crc32, readU32 } from "../base/index.ts";

/** Bytes of a frame's head: payload size and CRC-32, both u32 little-endian. */
export const FRAME_HEAD_BYTES = 8;
/** The largest entry, an append's other entries and room to spare. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;
/** Before a peer has proved who it is. */
export const HANDSHAKE_FRAME_BYTES_MAX = 8 * 1024;

/** The order is part of the wire format: append only. */
export const FRAME_KINDS = [
  "hello",
  "hello-reply",
  "proof",
  "ready",
  "reject",
  "messages",
  "snapshot-begin",
  "snapshot-chunk",
  "snapshot-resume",
  "call",
  "answer",
] as const;
export type FrameKind = (typeof FRAME_KINDS)[number];

export interface Frame {
  readonly kind: FrameKind;
  readonly body: Uint8Array;
}

/** What arrived is no frame: the connection is closed, nothing of it was handled. */
export class MalformedFrame extends Error {
  override readonly name = "MalformedFrame";
}

/** Appends one frame to `out`: head, kind, body. */
export function writeFrame(out: ByteWriter, kind: FrameKind, writeBody: (out: ByteWriter) => void): void {
  const start = out.length;
  out.u32(0).u32(0).u8(FRAME_KINDS.indexOf(kind));
  writeBody(out);
  const payload = out.view().subarray(start + FRAME_HEAD_BYTES);
  out.patchU32(start, payload.length);
  out.patchU32(start + 4, crc32(payload));
}

export function encodeFrame(kind: FrameKind, body: Uint8Array): Uint8Array {
  const out = new ByteWriter(body.length + FRAME_HEAD_BYTES + 1);
  writeFrame(out, kind, (writer) => writer.raw(body));
  return out.finish();
}

/** Cuts a stream of chunks into frames. A length is checked before anything is allocated for it. */
export class FrameParser {
  #sizeMax: number;
  #pending: Uint8Array[] = [];
  #pendingSize = 0;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** After the handshake larger frames are welcome. */
  allow(sizeMax: number): void {
    this.#sizeMax = sizeMax;
  }

  /**
   * Complete frames, in order. Their bodies are views of what arrived: whoever keeps some of it copies that, as all readers
   * of bytes do. @throws MalformedFrame
   */
  push(chunk: Uint8Array): Frame[] {
    // A socket gives a `Buffer`, of which every part would be a `Buffer` again: slower to make, and to copy.
    this.#pending.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    this.#pendingSize += chunk.length;
    const frames: Frame[] = [];
    if (this.#pendingSize < this.#wanted()) return frames;
    let bytes = this.#join();
    for (;;) {
      const frame = this.#cut(bytes);
      if (frame === undefined) break;
      frames.push({ kind: frame.kind, body: frame.body });
      bytes = bytes.subarray(frame.size);
    }
    // A copy, so that a small rest does not keep a large chunk alive.
    this.#pending = bytes.length === 0 ? [] : [copyBytes(bytes)];
    this.#pendingSize = bytes.length;
    return frames;
  }

  /** Bytes needed before joining the chunks pays. */
  #wanted(): number {
    const first = this.#pending[0];
    if (first === undefined || first.length < FRAME_HEAD_BYTES) return FRAME_HEAD_BYTES;
    return FRAME_HEAD_BYTES + this.#payloadSize(first);
  }

  #payloadSize(bytes: Uint8Array): number {
    const size = readU32(bytes, 0);
    if (size < 1 || size > this.#sizeMax) {
      throw new MalformedFrame(`a frame of ${size} bytes, where 1 to ${this.#sizeMax} are allowed`);
    }
    return size;
  }

  #join(): Uint8Array {
    const [only] = this.#pending;
    if (this.#pending.length === 1 && only !== undefined) return only;
    const joined = Buffer.concat(this.#pending, this.#pendingSize);
    return new Uint8Array(joined.buffer, joined.byteOffset, joined.length);
  }

  #cut(bytes: Uint8Array): (Frame & { readonly size: number }) | undefined {
    if (bytes.length < FRAME_HEAD_BYTES) return undefined;
    const size = this.#payloadSize(bytes);
    if (bytes.length < FRAME_HEAD_BYTES + size) return undefined;
    const payload = bytes.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + size);
    const wanted = readU32(bytes, 4);
    if (crc32(payload) !== wanted) throw new MalformedFrame("a frame whose checksum does not match its bytes");
    const kind = FRAME_KINDS[payload[0] ?? FRAME_KINDS.length];
    if (kind === undefined) throw new MalformedFrame(`a frame of the unknown kind ${payload[0]}`);
    return { kind, body: payload.subarray(1), size: FRAME_HEAD_BYTES + size };
  }
}
