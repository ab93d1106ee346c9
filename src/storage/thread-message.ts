import { assert, ByteReader, ByteWriter } from "../base/index.ts";

/** What most requests and all short answers fit into. */
const BYTES = 8 * 1024;
/** Larger ones are not kept for the next message. */
const KEPT_BYTES_MAX = 256 * 1024;
/** The size of what was written, as the buffer around it may be larger. */
const HEAD_BYTES = 4;

/**
 * Messages between the main thread and a disk's. Their buffer changes hands instead of being copied, and an answer is
 * written into the buffer of its question: so the same few go back and forth, and none need be made and collected.
 */
export function startMessage(used: ArrayBuffer | undefined, bytesMax = 0): ByteWriter {
  const wanted = Math.max(BYTES, HEAD_BYTES + bytesMax);
  const isEnough = used !== undefined && used.byteLength >= wanted;
  return new ByteWriter(isEnough ? used : wanted).u32(0);
}

/** To be posted and transferred; the writer is of no use any more. */
export function endMessage(writer: ByteWriter): ArrayBuffer {
  return writer.patchU32(0, writer.length).release();
}

/** What was written. */
export function openMessage(buffer: ArrayBuffer): ByteReader {
  const bytes = new Uint8Array(buffer);
  const size = new ByteReader(bytes).u32();
  assert(size >= HEAD_BYTES && size <= bytes.length, "A message must lie within its buffer");
  return new ByteReader(bytes, HEAD_BYTES, size);
}

/** The buffer of a message that was read, if another one may be written into it. */
export function kept(buffer: ArrayBuffer): ArrayBuffer | undefined {
  return buffer.byteLength <= KEPT_BYTES_MAX ? buffer : undefined;
}
