import type { ByteWriter } from "../base/index.ts";
import type { StorageFailure } from "../node/index.ts";
import { endMessage, kept, openMessage, startMessage } from "./thread-message.ts";
import { decodeReply, EVENT_ID, OPS, type Op, type Reply } from "./wire.ts";

const running = new Set<DiskClient>();

/** Every disk thread of this process lets go of what it holds on to for nothing. */
export async function collectDiskThreads(): Promise<void> {
  const collected = Array.from(running, async (client) => {
    await new Promise((resolve) => client.request(OPS.collect, () => undefined, resolve));
  });
  await Promise.all(collected);
}

/** Main thread's end of a disk Worker. Every request is answered once, later, in order. */
export class DiskClient {
  readonly #worker: Worker;
  readonly #onUntrusted: (failure: StorageFailure) => void;
  readonly #pending = new Map<number, (reply: Reply) => void>();
  /** Came back with an answer; goes with the next request. */
  #spare: ArrayBuffer | undefined;
  #nextId = EVENT_ID + 1;
  #isEnding = false;
  #isGone = false;
  #broken: StorageFailure | undefined;

  /** `onUntrusted` is called when the disk fails without being asked. */
  constructor(onUntrusted: (failure: StorageFailure) => void) {
    this.#onUntrusted = onUntrusted;
    this.#worker = new Worker(workerUrl());
    running.add(this);
    this.#worker.addEventListener("message", (event: MessageEvent<unknown>) => this.#onMessage(event.data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#onEnd(event.message);
    });
    this.#worker.addEventListener("close", () => this.#onEnd("its thread ended"));
  }

  /** The answer's bytes are there until `done` returns. */
  request(op: Op, write: (writer: ByteWriter) => unknown, done: (reply: Reply) => void): void {
    const failure = this.#broken;
    // Closing still reaches a thread that lives, so that it lets go of the folder.
    if (failure !== undefined && (this.#isGone || op !== OPS.closeLog)) {
      setImmediate(() => done({ kind: "failed", failure }));
      return;
    }
    const id = this.#nextId;
    this.#nextId = (this.#nextId % 0xffff_fff0) + 1;
    this.#pending.set(id, done);
    const writer = startMessage(this.#spare).u32(id).u8(op);
    this.#spare = undefined;
    write(writer);
    const buffer = endMessage(writer);
    this.#worker.postMessage(buffer, [buffer]);
  }

  /**
   * Ends the thread. Not after a failure: a thread that ends closes its databases, and that would rewrite what must
   * stay as it is. Then it only stops to keep the process alive.
   */
  end(): void {
    this.#isEnding = true;
    running.delete(this);
    if (this.#broken === undefined) this.#worker.terminate();
    else this.#worker.unref();
  }

  #onMessage(message: unknown): void {
    if (!(message instanceof ArrayBuffer)) return this.#onEnd("it sent no buffer");
    const body = openMessage(message);
    const id = body.u32();
    const reply = decodeReply(body);
    if (reply.kind === "failed" && reply.failure.kind === "untrusted") this.#broken = reply.failure;
    if (id === EVENT_ID) {
      if (this.#broken !== undefined) this.#onUntrusted(this.#broken);
      return;
    }
    const done = this.#pending.get(id);
    this.#pending.delete(id);
    done?.(reply);
    this.#spare = kept(message);
  }

  #onEnd(reason: string): void {
    this.#isGone = true;
    running.delete(this);
    if (this.#isEnding || this.#broken !== undefined) return;
    const failure = { kind: "untrusted", message: `The disk's thread failed: ${reason}` } as const;
    this.#broken = failure;
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const done of waiting) done({ kind: "failed", failure });
    this.#onUntrusted(failure);
  }
}

/**
 * In the compiled binary every module of the main bundle claims to be at the root of the bundle, and the Worker is its
 * second entry below it; from source it stands beside this file.
 */
function workerUrl(): URL {
  const isCompiled = import.meta.url.includes("$bunfs");
  return new URL(isCompiled ? "./storage/disk.worker.js" : "./disk.worker.ts", import.meta.url);
}
