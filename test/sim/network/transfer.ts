import type { Timer } from "../../../src/base/index.ts";
import type { OutgoingSnapshot } from "../../../src/node/index.ts";
import type { End, RunningTransfer, Wires } from "./wires.ts";

/** One snapshot on its way over a connection of its own, a chunk at a time; the receiver says where to go on. */
export class Transfer implements RunningTransfer {
  readonly snapshot: OutgoingSnapshot;
  readonly #network: Wires;
  readonly #from: End;
  readonly #host: number;
  #receiver: End | undefined;
  #isDone = false;
  #lastChunkLateMs = 0;
  #stall: Timer | undefined;

  constructor(network: Wires, from: End, snapshot: OutgoingSnapshot, host: number) {
    this.#network = network;
    this.#from = from;
    this.snapshot = snapshot;
    this.#host = host;
  }

  start(): void {
    const network = this.#network;
    network.transfers.add(this);
    network.trace.line(network.scheduler.now, () => `${this.#name} starts`);
    this.#watch();
    network.scheduler.after(this.#latency() * 2, () => {
      const standing = network.standingAt(this.#host);
      if (this.#isCut() || standing === "silent") return;
      if (standing === "refused" || standing.key !== this.snapshot.to) return this.finish(false);
      this.#receiver = standing;
      this.#pass(0, new Uint8Array(0), false);
    });
  }

  /** Is this process an end of it? */
  touches(end: End): boolean {
    return end === this.#from || end === this.#receiver;
  }

  /** What is on the wire arrives, whatever its sender has decided since. */
  delayLastChunk(byMs: number): void {
    this.#lastChunkLateMs = byMs;
  }

  /** Ends the transfer; `done` is told once. */
  finish(ok: boolean): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#stall?.cancel();
    this.#network.transfers.delete(this);
    this.#network.trace.line(this.#network.scheduler.now, () => `${this.#name} ends ${ok ? "well" : "badly"}`);
    if (!ok) this.#network.marks.hit("snapshot transfer cut");
    this.#from.gate.enter(() => this.snapshot.done(ok));
  }

  get #name(): string {
    return `snapshot ${this.snapshot.meta.id} from ${this.#from.key} to ${this.snapshot.to}`;
  }

  #latency(): number {
    return this.#network.links.latency(this.#from.host, this.#host);
  }

  #isCut(): boolean {
    const { links } = this.#network;
    return links.isBlocked(this.#from.host, this.#host) || links.isBlocked(this.#host, this.#from.host);
  }

  #watch(): void {
    this.#stall?.cancel();
    this.#stall = this.#network.scheduler.after(this.#network.options.stallMs, () => this.finish(false));
  }

  #pass(offset: number, bytes: Uint8Array, isLast: boolean): void {
    const { scheduler, options, trace } = this.#network;
    const lateMs = isLast ? this.#lastChunkLateMs : 0;
    scheduler.after(this.#latency() + options.chunkMs + lateMs, () => {
      const receiver = this.#receiver;
      if (this.#isDone && lateMs === 0) return;
      if (this.#isCut() || receiver === undefined || !receiver.gate.isAlive) return;
      if (this.#isDone) this.#network.marks.hit("chunk of a given up transfer");
      const { meta, session, term } = this.snapshot;
      trace.mix(offset + bytes.length);
      receiver.gate.enter(() =>
        receiver.receiver?.onSnapshotChunk(
          { from: this.#from.key, term, session, meta, offset, bytes, isLast },
          (nextOffset) => this.#answer(offset, nextOffset),
        ),
      );
    });
  }

  #answer(offset: number, nextOffset: number | undefined): void {
    const { scheduler, marks } = this.#network;
    scheduler.after(this.#latency(), () => {
      if (this.#isDone || this.#isCut()) return;
      if (nextOffset === undefined) return this.finish(false);
      if (nextOffset >= this.snapshot.meta.sizeBytes) return this.finish(true);
      if (offset === 0 && nextOffset > 0) marks.hit("snapshot resumed");
      this.#watch();
      this.#from.gate.enter(() => this.#sendFrom(nextOffset));
    });
  }

  #sendFrom(offset: number): void {
    this.snapshot.read(offset, this.#network.options.chunkBytes, (bytes) => {
      if (this.#isDone) return;
      if (bytes === undefined || bytes.length === 0) return this.finish(false);
      this.#pass(offset, bytes, offset + bytes.length >= this.snapshot.meta.sizeBytes);
    });
  }
}
