import type { Socket } from "bun";
import { ByteWriter, SpareWriter, type Clock, type Timer } from "../base/index.ts";
import {
  FRAME_BYTES_MAX,
  FRAME_HEAD_BYTES,
  FrameParser,
  HANDSHAKE_FRAME_BYTES_MAX,
  writeFrame,
  type Frame,
  type FrameKind,
} from "./frame.ts";
import type { AcceptorHandshake, DialerHandshake, HandshakeStep, RejectReason } from "./handshake.ts";
import type { Introduction } from "./introduction.ts";

/** A peer that is silent for this long in the handshake is dropped. */
const HANDSHAKE_MS_MAX = 5_000;
/** An idle connection says so this often, so that the other side can tell it from a dead one. */
const KEEP_ALIVE_MS = 1_000;
/** Nothing received for this long: the peer, its host or the way to it is gone. */
const SILENCE_MS_MAX = 5_000;
/** Bytes queued for a peer that does not read; above it replication is dropped (and sent again later). */
const QUEUE_BYTES_MAX = 32 * 1024 * 1024;

/** Frames that leave at once are written here: the socket copies what it takes. */
const spare = new SpareWriter();

export interface ConnectionEvents {
  onReady(connection: Connection, peer: Introduction): void;
  onFrame(connection: Connection, frame: Frame): void;
  onRejected(connection: Connection, reason: RejectReason, message: string): void;
  onClosed(connection: Connection): void;
}

export interface ConnectionOptions {
  readonly remote: string;
  readonly clock: Clock;
  readonly events: ConnectionEvents;
  /** Only asked with TLS. */
  readonly isCertificateFor: (names: readonly string[], peer: Introduction) => boolean;
}

/** One socket to a peer: handshake, frames in, a bounded queue of bytes out, keep-alive. */
export class Connection {
  readonly remote: string;
  readonly #clock: Clock;
  readonly #events: ConnectionEvents;
  readonly #isCertificateFor: ConnectionOptions["isCertificateFor"];
  readonly #handshake: DialerHandshake | AcceptorHandshake;
  readonly #parser = new FrameParser(HANDSHAKE_FRAME_BYTES_MAX);
  #socket: Socket<Connection> | undefined;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #peer: Introduction | undefined;
  /** Names in the certificate that the other side proved; undefined: without TLS, or they do not matter. */
  #certificateNames: readonly string[] | undefined;
  #isClosed = false;
  #heardAt: number;
  #saidAt: number;
  #timer: Timer;

  constructor(handshake: DialerHandshake | AcceptorHandshake, options: ConnectionOptions) {
    this.#handshake = handshake;
    this.#isCertificateFor = options.isCertificateFor;
    this.remote = options.remote;
    this.#clock = options.clock;
    this.#events = options.events;
    this.#heardAt = options.clock.now();
    this.#saidAt = this.#heardAt;
    this.#timer = this.#clock.at(this.#heardAt + HANDSHAKE_MS_MAX, () => {
      if (this.#peer === undefined) this.#reject("timeout", "the handshake took too long", false);
    });
  }

  get peer(): Introduction | undefined {
    return this.#peer;
  }

  get isReady(): boolean {
    return this.#peer !== undefined && !this.#isClosed;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** The socket is open (TLS: and its handshake is done). */
  onOpen(socket: Socket<Connection>, certificateNames?: readonly string[]): void {
    this.#certificateNames = certificateNames;
    if (this.#isClosed) {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    socket.setNoDelay(true);
    if ("start" in this.#handshake) {
      const { frame, body } = this.#handshake.start();
      this.sendFrame(frame, (out) => out.raw(body));
    }
  }

  /** TLS: the other side's certificate is not one that we trust. */
  onDistrusted(socket: Socket<Connection>, reason: string): void {
    // In this order: the end of the socket comes back as its close, after which nothing is reported any more.
    this.#reject("certificate", reason, false);
    socket.terminate();
  }

  onData(chunk: Uint8Array): void {
    this.#heardAt = this.#clock.now();
    try {
      for (const frame of this.#parser.push(chunk)) {
        if (this.#isClosed) return;
        if (this.#peer === undefined) this.#onHandshakeFrame(frame);
        else this.#events.onFrame(this, frame);
      }
    } catch (cause) {
      this.#reject("malformed", cause instanceof Error ? cause.message : String(cause), true);
    }
  }

  onDrain(): void {
    this.#flush();
  }

  /** The socket is closed, for whatever reason. */
  onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer.cancel();
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#events.onClosed(this);
  }

  /** False: the queue is full (or the connection closed) and nothing was taken. */
  sendFrame(
    kind: FrameKind,
    writeBody: (out: ByteWriter) => void,
    { isBulk = false, bytesMax = 512 }: { readonly isBulk?: boolean; readonly bytesMax?: number } = {},
  ): boolean {
    if (this.#isClosed || this.#socket === undefined) return false;
    if (isBulk && this.#queuedBytes > QUEUE_BYTES_MAX) return false;
    this.#saidAt = this.#clock.now();
    const frameMax = bytesMax + FRAME_HEAD_BYTES + 1;
    const isFree = this.#queue.length === 0;
    const out = isFree ? spare.take(frameMax) : new ByteWriter(frameMax);
    writeFrame(out, kind, writeBody);
    if (isFree) {
      this.#sendNow(this.#socket, out);
      spare.giveBack(out);
      return true;
    }
    this.#queue.push(out.view());
    this.#queuedBytes += out.length;
    return true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#socket?.end();
    this.onClose();
  }

  /** What the socket does not take is copied into the queue. */
  #sendNow(socket: Socket<Connection>, out: ByteWriter): void {
    const taken = Math.max(0, socket.write(out.view()));
    if (taken === out.length || this.#isClosed) return;
    this.#queue.push(out.view().slice(taken));
    this.#queuedBytes += out.length - taken;
  }

  #flush(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const taken = socket.write(next);
      if (taken <= 0) return;
      this.#queuedBytes -= taken;
      if (taken < next.length) {
        this.#queue[0] = next.subarray(taken);
        return;
      }
      this.#queue.shift();
    }
  }

  #onHandshakeFrame(frame: Frame): void {
    const step: HandshakeStep = this.#handshake.onFrame(frame);
    if (step.kind === "reject") return this.#reject(step.reason, step.message, step.tellPeer);
    if (step.kind === "send") {
      this.sendFrame(step.frame, (out) => out.raw(step.body));
      return;
    }
    const { send, peer } = step;
    const names = this.#certificateNames;
    if (names !== undefined && !this.#isCertificateFor(names, peer)) {
      const shown = names.join(", ");
      return this.#reject("certificate", `${peer.id} showed a certificate that is for somebody else (${shown})`, true);
    }
    if (send !== undefined) this.sendFrame(send.frame, (out) => out.raw(send.body));
    this.#peer = peer;
    this.#parser.allow(FRAME_BYTES_MAX);
    this.#timer.cancel();
    this.#watch();
    this.#events.onReady(this, peer);
  }

  #watch(): void {
    this.#timer = this.#clock.at(this.#clock.now() + KEEP_ALIVE_MS, () => {
      const now = this.#clock.now();
      if (now - this.#heardAt > SILENCE_MS_MAX) {
        this.#socket?.terminate();
        return this.onClose();
      }
      if (now - this.#saidAt >= KEEP_ALIVE_MS) this.sendFrame("messages", () => undefined);
      this.#watch();
    });
  }

  #reject(reason: RejectReason, message: string, tellPeer: boolean): void {
    if (this.#isClosed) return;
    if (tellPeer) this.sendFrame("reject", (out) => out.text(message.slice(0, 500)));
    this.#events.onRejected(this, reason, message);
    this.close();
  }
}
