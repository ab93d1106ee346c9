import type { StorageFailure } from "../node/index.ts";
import { bytesOf, type LogOperation } from "./persist-codec.ts";

/** A look at the file system counts for so long, and for so many bytes of entries: it costs as much as writing a small one. */
const LOOK_AGAIN_MS = 50;
const LOOK_AGAIN_BYTES = 4 * 1024 * 1024;

export interface ReserveOptions {
  /** 0: no reserve. */
  readonly reserveBytes: number;
  readonly free: () => number;
  /** Monotonic, in ms. */
  readonly now: () => number;
}

/** Refuses entries while less than the reserve is free, before a transaction meets a full disk. */
export class Reserve {
  readonly #options: ReserveOptions;
  #isEnoughUntil = -Infinity;
  #bytesLeft = 0;

  constructor(options: ReserveOptions) {
    this.#options = options;
  }

  /** What makes room again (compaction), and what is tiny (a vote), may pass. */
  refusal(operations: readonly LogOperation[]): StorageFailure | undefined {
    const { reserveBytes, free, now } = this.#options;
    if (reserveBytes === 0) return undefined;
    const bytes = operations.reduce((sum, { append }) => sum + bytesOf(append), 0);
    if (bytes === 0) return undefined;
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft > 0 && now() < this.#isEnoughUntil) return undefined;
    const found = free();
    if (found < reserveBytes) {
      this.#bytesLeft = 0;
      return { kind: "full", message: `${found} bytes are free, below the reserve of ${reserveBytes}` };
    }
    this.#isEnoughUntil = now() + LOOK_AGAIN_MS;
    this.#bytesLeft = LOOK_AGAIN_BYTES;
    return undefined;
  }
}
