import type { StorageFailure } from "../node/index.ts";
import type { WorkerFailure, WorkerReply, WorkerRequest, WorkerValue } from "./worker-messages.ts";

export type WorkerResult =
  | { readonly ok: true; readonly value: WorkerValue }
  | { readonly ok: false; readonly failure: WorkerFailure };

interface Pending {
  readonly done: (result: WorkerResult) => void;
  readonly part: ((bytes: Uint8Array) => void) | undefined;
}

/** The compiled executable holds the Worker beside its entry; from source it is a file of this folder. */
function workerUrl(): string {
  if (!import.meta.url.includes("$bunfs")) return new URL("./disk.worker.ts", import.meta.url).href;
  return `${Bun.main.replace(/[^/\\]*$/, "")}storage/disk.worker.ts`;
}

/** Asks a disk Worker; answers come in order. Any end of the Worker is a failure of the disk. */
export class DiskWorker {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #onAlarm: (failure: StorageFailure) => void;
  #next = 1;
  #hasEnded = false;

  constructor(onAlarm: (failure: StorageFailure) => void) {
    this.#onAlarm = onAlarm;
    this.#worker = new Worker(workerUrl());
    this.#worker.addEventListener("message", (event: MessageEvent<WorkerReply>) => this.#onReply(event.data));
    this.#worker.addEventListener("error", (event) => this.#onEnd(event.message));
    this.#worker.addEventListener("close", () => this.#onEnd("the disk Worker ended"));
  }

  ask(request: WorkerRequest, done: (result: WorkerResult) => void, part?: (bytes: Uint8Array) => void): void {
    if (this.#hasEnded) {
      setImmediate(() => done({ ok: false, failure: { kind: "untrusted", message: "the disk Worker ended" } }));
      return;
    }
    const id = this.#next++;
    this.#pending.set(id, { done, part });
    this.#worker.postMessage({ id, request });
  }

  close(done: () => void): void {
    this.ask({ op: "close" }, () => {
      this.#hasEnded = true;
      this.#worker.terminate();
      done();
    });
  }

  #onReply(message: WorkerReply): void {
    if (message.kind === "alarm") return this.#onAlarm(message.failure);
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if (message.kind === "part") {
      pending.part?.(message.part);
      return;
    }
    this.#pending.delete(message.id);
    if (message.kind === "value") pending.done({ ok: true, value: message.value });
    else pending.done({ ok: false, failure: message.failure });
  }

  #onEnd(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    const failure: StorageFailure = { kind: "untrusted", message: reason };
    for (const { done } of pending) done({ ok: false, failure });
    this.#onAlarm(failure);
  }
}
