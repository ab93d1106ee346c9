import { closeSync, fdatasync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { assert, ByteReader, ByteWriter, crc32, fromUtf8, utf8 } from "../base/index.ts";
import { decodeHead, encodeHead, EMPTY_HEAD, NewerFormat, type HeadRecord } from "./head-record.ts";
import { syncDirectory } from "./files.ts";

const SLOT_BYTES = 4096;
const MARK_AT = 2 * SLOT_BYTES;
const WITNESS_BYTES = 3 * SLOT_BYTES;
const REASON_BYTES_MAX = 400;

export type WitnessFound =
  | { readonly kind: "missing" }
  | { readonly kind: "damaged"; readonly reason: string }
  | { readonly kind: "marked"; readonly reason: string }
  | { readonly kind: "newer-format"; readonly message: string }
  | { readonly kind: "found"; readonly head: HeadRecord };

/**
 * A second witness of raft.db's promises: a copy of the head record, in the slot `seq mod 2`, so that a torn write
 * leaves the other. The third slot is the mark "untrusted": allocated and synced beforehand, because a disk that just
 * failed may not be able to make a new file.
 *
 * Written after COMMIT returned, so it is never ahead of an honest disk; not synced on that path, so it is at most
 * about a second behind after a power cut, and not at all behind after the death of the process.
 */
export class Witness {
  readonly #fd: number;
  #isDirty = false;
  #isSyncing = false;
  #isClosed = false;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Reads both slots and the mark; changes nothing. */
  static read(path: string): WitnessFound {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(path);
    } catch {
      return { kind: "missing" };
    }
    if (bytes.length !== WITNESS_BYTES) {
      return { kind: "damaged", reason: `its size is ${bytes.length} instead of ${WITNESS_BYTES} bytes` };
    }
    const mark = bytes.subarray(MARK_AT, MARK_AT + SLOT_BYTES);
    // Any byte counts: the disk that was told to write the mark was already failing.
    if (mark.some((byte) => byte !== 0)) return { kind: "marked", reason: readMark(mark) };
    const slots = [0, SLOT_BYTES].map((at) => readSlot(bytes.subarray(at, at + SLOT_BYTES)));
    const newer = slots.find((slot) => slot instanceof NewerFormat);
    if (newer instanceof NewerFormat) return { kind: "newer-format", message: newer.message };
    let best: HeadRecord | undefined;
    for (const slot of slots) {
      if (slot === undefined || slot instanceof NewerFormat) continue;
      if (best === undefined || slot.seq > best.seq) best = slot;
    }
    if (best === undefined) return { kind: "damaged", reason: "the checksums of both copies are wrong" };
    return { kind: "found", head: best };
  }

  /** Makes the file with all its blocks, durably, before raft.db exists. */
  static create(path: string): void {
    const temporary = `${path}.new`;
    const bytes = new Uint8Array(WITNESS_BYTES);
    bytes.set(encodeHead(EMPTY_HEAD), 0);
    rmSync(temporary, { force: true });
    const fd = openSync(temporary, "wx", 0o600);
    try {
      writeFully(fd, bytes, 0);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    syncDirectory(path);
  }

  static open(path: string): Witness {
    return new Witness(openSync(path, "r+"));
  }

  /** `record`: the encoded head record of `seq`. No sync: see the class. What a longer one left behind it is never read. */
  write(seq: number, record: Uint8Array): void {
    assert(!this.#isClosed, "A closed witness must not be written");
    writeFully(this.#fd, record, (seq % 2) * SLOT_BYTES);
    this.#isDirty = true;
  }

  /** Writes both slots and waits for the disk: at start, when the slots may be behind or torn. */
  rewrite(head: HeadRecord): void {
    const slot = new Uint8Array(SLOT_BYTES);
    slot.set(encodeHead(head));
    // One after the other, so that one of them is whole at any time.
    for (const parity of [head.seq % 2, 1 - (head.seq % 2)]) {
      writeFully(this.#fd, slot, parity * SLOT_BYTES);
      fsyncSync(this.#fd);
    }
  }

  /** Off the path of a write; `failed` is called when the disk broke its promise. */
  syncLater(failed: (cause: Error) => void): void {
    if (!this.#isDirty || this.#isSyncing || this.#isClosed) return;
    this.#isDirty = false;
    this.#isSyncing = true;
    fdatasync(this.#fd, (cause) => {
      this.#isSyncing = false;
      if (cause !== null && !this.#isClosed) failed(cause);
    });
  }

  /** Overwrites the mark in place. Best effort: the disk may be gone. */
  mark(reason: string): void {
    const text = utf8(reason).subarray(0, REASON_BYTES_MAX);
    const writer = new ByteWriter(SLOT_BYTES).u32(0x554e5452).bytes(text);
    writer.u32(crc32(writer.view()));
    try {
      writeFully(this.#fd, writer.view(), MARK_AT);
      fsyncSync(this.#fd);
    } catch {
      // The process stays up and says so itself; its peers are told as well.
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }
}

function readSlot(bytes: Uint8Array): HeadRecord | NewerFormat | undefined {
  try {
    return decodeHead(bytes);
  } catch (cause) {
    return cause instanceof NewerFormat ? cause : undefined;
  }
}

function readMark(bytes: Uint8Array): string {
  try {
    const reader = new ByteReader(bytes);
    reader.u32();
    const text = reader.bytes(REASON_BYTES_MAX);
    const size = bytes.length - reader.remaining;
    if (reader.u32() === crc32(bytes.subarray(0, size))) return fromUtf8(text);
  } catch {
    // Torn: that it was begun says enough.
  }
  return "marked as untrusted by an earlier run, the reason cannot be read";
}

function writeFully(fd: number, bytes: Uint8Array, at: number): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done, at + done);
}
