import { ByteReader, type Clock, type MemberKey, type Timer } from "../base/index.ts";
import type { OutgoingSnapshot, TransportReceiver } from "../node/index.ts";
import { readSnapshotMeta, writeSnapshotMeta, type SnapshotMeta } from "../raft/index.ts";
import type { Connection } from "./connection.ts";
import type { Frame } from "./frame.ts";
import { keyOf, type Introduction } from "./introduction.ts";

const CHUNK_BYTES = 256 * 1024;
/** A transfer without progress for this long is given up; one that is merely slow is not. */
const STALL_MS_MAX = 10_000;
/** What the receiver answers when the transfer is of no use any more. */
const GIVE_UP = 0xffff_ffff;

/** Sends one snapshot over its own connection, a chunk at a time; the receiver says where to go on. */
export class SnapshotSender {
  readonly snapshot: OutgoingSnapshot;
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  #isDone = false;
  #timer: Timer;

  constructor(
    snapshot: OutgoingSnapshot,
    connection: Connection,
    options: { readonly clock: Clock; readonly bytesPerSecond: number },
  ) {
    this.snapshot = snapshot;
    this.#connection = connection;
    this.#clock = options.clock;
    this.#bytesPerSecond = options.bytesPerSecond;
    this.#timer = this.#stallTimer();
  }

  start(): void {
    const { meta, session, term } = this.snapshot;
    this.#connection.sendFrame("snapshot-begin", (out) => {
      out.u53(term).u53(session);
      writeSnapshotMeta(out, meta);
    });
  }

  onFrame(frame: Frame): void {
    if (frame.kind !== "snapshot-resume" || this.#isDone) return;
    const reader = new ByteReader(frame.body);
    const isGivenUp = reader.u32() === GIVE_UP;
    const offset = reader.u53();
    if (isGivenUp) return this.finish(false);
    if (offset >= this.snapshot.meta.sizeBytes) return this.finish(true);
    this.#sendFrom(offset);
  }

  /** Ends the transfer; `done` is told once. */
  finish(ok: boolean): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#timer.cancel();
    this.#connection.close();
    this.snapshot.done(ok);
  }

  #sendFrom(offset: number): void {
    // At a low rate a whole chunk would take longer than a transfer may stand still.
    const size = Math.min(CHUNK_BYTES, this.#bytesPerSecond);
    this.snapshot.read(offset, size, (bytes) => {
      if (this.#isDone) return;
      if (bytes === undefined || bytes.length === 0) return this.finish(false);
      const send = (): void => {
        if (this.#isDone) return;
        this.#timer.cancel();
        this.#timer = this.#stallTimer();
        const isLast = offset + bytes.length >= this.snapshot.meta.sizeBytes;
        this.#connection.sendFrame("snapshot-chunk", (out) =>
          out
            .u53(offset)
            .u8(isLast ? 1 : 0)
            .bytes(bytes),
        );
      };
      if (this.#bytesPerSecond === Infinity) send();
      else this.#clock.at(this.#clock.now() + (bytes.length / this.#bytesPerSecond) * 1000, send);
    });
  }

  #stallTimer(): Timer {
    return this.#clock.at(this.#clock.now() + STALL_MS_MAX, () => this.finish(false));
  }
}

/** The receiving end of one transfer. */
export class SnapshotReceiver {
  readonly #connection: Connection;
  readonly #from: MemberKey;
  readonly #receiver: TransportReceiver;
  #begin: { readonly term: number; readonly session: number; readonly meta: SnapshotMeta } | undefined;

  constructor(connection: Connection, peer: Introduction, receiver: TransportReceiver) {
    this.#connection = connection;
    this.#from = keyOf(peer);
    this.#receiver = receiver;
  }

  /** @throws MalformedBytes */
  onFrame(frame: Frame): void {
    const reader = new ByteReader(frame.body);
    if (frame.kind === "snapshot-begin") {
      this.#begin = { term: reader.u53(), session: reader.u53(), meta: readSnapshotMeta(reader) };
      this.#pass(0, new Uint8Array(0), false);
      return;
    }
    if (frame.kind !== "snapshot-chunk") return;
    const offset = reader.u53();
    const isLast = reader.u8() === 1;
    this.#pass(offset, reader.bytes(), isLast);
  }

  #pass(offset: number, bytes: Uint8Array, isLast: boolean): void {
    const begin = this.#begin;
    if (begin === undefined) return this.#connection.close();
    this.#receiver.onSnapshotChunk({ ...begin, from: this.#from, offset, bytes, isLast }, (nextOffset) => {
      this.#connection.sendFrame("snapshot-resume", (out) =>
        nextOffset === undefined ? out.u32(GIVE_UP).u53(0) : out.u32(0).u53(nextOffset),
      );
    });
  }
}
