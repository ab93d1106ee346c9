import { ByteWriter } from "./bytes.ts";

/** One that was made to hold more is not kept. */
const KEPT_BYTES_MAX = 256 * 1024;

/**
 * A writer for bytes that are copied elsewhere at once, used again and again: made anew for each, it would be memory that
 * the collector has to find, and the system to hand out again.
 */
export class SpareWriter {
  #spare: ByteWriter | undefined;

  /**
   * Empty, and nobody else's until it is given back. For more than is kept it is made large enough at once: an array that
   * grows is copied again and again.
   */
  take(bytesMax = 0): ByteWriter {
    if (bytesMax > KEPT_BYTES_MAX) return new ByteWriter(bytesMax);
    const writer = this.#spare ?? new ByteWriter(8 * 1024);
    this.#spare = undefined;
    return writer.restart();
  }

  /** No view of what was written may be used any more. */
  giveBack(writer: ByteWriter): void {
    if (writer.capacity <= KEPT_BYTES_MAX) this.#spare = writer;
  }
}
