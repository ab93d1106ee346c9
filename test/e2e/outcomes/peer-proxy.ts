import { connect, createServer, type Server, type Socket } from "node:net";
import { FRAME_HEAD_BYTES, FRAME_KINDS, type FrameKind } from "../../../src/transport/frame.ts";
import { introductionFrom } from "../../../src/transport/introduction.ts";

/** A frame on its way from one node to another. */
export interface Passing {
  readonly from: string;
  readonly to: string;
  readonly kind: FrameKind;
  readonly body: Buffer;
  /** Of the whole frame. */
  readonly size: number;
}

/** How many bytes of the frame still pass before nothing does any more, in either direction. Undefined: it passes. */
export type Cut = (frame: Passing) => number | undefined;

/** Stands before the peer port of each node, sees every frame, and stops the whole network in the middle of one. */
export class PeerProxy {
  readonly #servers = new Map<string, Server>();
  readonly #sockets = new Set<Socket>();
  #cut: Cut = () => undefined;
  #isFrozen = false;
  #onFrozen: (() => void) | undefined;

  /** Listens on a port in front of the peer port of this node. */
  async stand(node: string, ports: { readonly before: number; readonly behind: number }): Promise<void> {
    const server = createServer((dialer) => this.#carry(dialer, node, ports.behind));
    this.#servers.set(node, server);
    await new Promise<void>((resolve) => server.listen(ports.before, "127.0.0.1", resolve));
  }

  /** Resolves once a frame was cut: from then on nothing passes. */
  async cutAt(cut: Cut): Promise<void> {
    this.#cut = cut;
    return new Promise((resolve) => {
      this.#onFrozen = resolve;
    });
  }

  /** All connections that were frozen end, and new ones work. */
  thaw(): void {
    this.#cut = () => undefined;
    this.#isFrozen = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The process behind it is gone: whoever dials is refused, as it would be there. */
  fall(node: string): void {
    this.#servers.get(node)?.close();
  }

  stop(): void {
    for (const server of this.#servers.values()) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #carry(dialer: Socket, node: string, port: number): void {
    const target = connect(port, "127.0.0.1");
    let dialedBy = "";
    const toTarget = new FrameCutter((kind, body, size) => {
      if (kind === "hello") dialedBy = introductionFrom(body).id;
      return this.#judge({ from: dialedBy, to: node, kind, body, size });
    });
    const toDialer = new FrameCutter((kind, body, size) => this.#judge({ from: node, to: dialedBy, kind, body, size }));
    for (const [from, to, cutter] of [
      [dialer, target, toTarget],
      [target, dialer, toDialer],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on("data", (chunk: Buffer) => {
        if (this.#isFrozen) return;
        const passing = cutter.push(chunk);
        if (passing.length > 0) to.write(passing);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }

  #judge(frame: Passing): number | undefined {
    if (this.#isFrozen) return 0;
    const passes = this.#cut(frame);
    if (passes === undefined) return undefined;
    this.#isFrozen = true;
    this.#onFrozen?.();
    return passes;
  }
}

type Judge = (kind: FrameKind, body: Buffer, size: number) => number | undefined;

/** Passes whole frames on, until one is to be cut. */
class FrameCutter {
  readonly #judge: Judge;
  #pending: Buffer = Buffer.alloc(0);

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  push(chunk: Buffer): Buffer {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const passing: Buffer[] = [];
    while (this.#pending.length >= FRAME_HEAD_BYTES) {
      const size = FRAME_HEAD_BYTES + this.#pending.readUInt32LE(0);
      if (this.#pending.length < size) break;
      const frame = this.#pending.subarray(0, size);
      this.#pending = this.#pending.subarray(size);
      const kind = FRAME_KINDS[frame[FRAME_HEAD_BYTES] ?? FRAME_KINDS.length];
      if (kind === undefined) throw new Error("a frame of unknown kind");
      const passes = this.#judge(kind, frame.subarray(FRAME_HEAD_BYTES + 1), size);
      passing.push(passes === undefined ? frame : frame.subarray(0, passes));
    }
    return Buffer.concat(passing);
  }
}
