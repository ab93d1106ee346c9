import type { MemberKey } from "../base/index.ts";
import type { Effects, SnapshotMeta } from "../raft/index.ts";
import type { Driver } from "./driver.ts";
import type { NodeObserver } from "./node-types.ts";
import type { IncomingChunk, SnapshotStore, StateMachine, Transport } from "./ports.ts";
import type { SnapshotTaker } from "./snapshot-taker.ts";

export interface SnapshotExchangeOptions {
  readonly driver: Driver;
  readonly snapshots: SnapshotStore;
  readonly transport: Transport;
  readonly machine: StateMachine;
  readonly taker: SnapshotTaker;
  readonly observer: NodeObserver;
  readonly note: (message: string) => void;
}

/** Snapshots between nodes: sending the newest one, receiving chunks, and installing what is complete. */
export class SnapshotExchange {
  readonly #options: SnapshotExchangeOptions;

  constructor(options: SnapshotExchangeOptions) {
    this.#options = options;
  }

  send(wanted: Effects["sendSnapshot"][number]): void {
    const { snapshots, taker } = this.#options;
    const newest = snapshots.list().at(-1);
    if (newest !== undefined) {
      this.#start(wanted, newest);
      return;
    }
    // A follower can need one before the first was due: it attaches to nothing that the log still holds.
    taker.take((outcome) => {
      const meta = outcome.kind === "taken" ? outcome.meta : snapshots.list().at(-1);
      if (meta === undefined) this.#ended(wanted, false);
      else this.#start(wanted, meta);
    });
  }

  cancel(to: MemberKey, session: number): void {
    this.#options.transport.cancelSnapshot(to, session);
  }

  #start(wanted: Effects["sendSnapshot"][number], newest: SnapshotMeta): void {
    const { driver, observer } = this.#options;
    const stored = this.#options.snapshots.openStored(newest.id);
    const startedAt = driver.clock.now();
    this.#options.transport.sendSnapshot({
      ...wanted,
      meta: stored.meta,
      read: (offset, sizeMax, done) =>
        stored.read(offset, sizeMax, (result) => {
          if (result.ok) return done(result.value);
          if (result.error.kind === "untrusted") this.#options.driver.distrust(result.error.message);
          done(undefined);
        }),
      done: (ok) => {
        stored.close();
        const { index, sizeBytes } = stored.meta;
        const durationMs = driver.clock.now() - startedAt;
        observer.onSnapshotSent?.({ index, sizeBytes, durationMs, to: wanted.to, isOk: ok });
        this.#ended(wanted, ok);
      },
    });
  }

  #ended(wanted: Effects["sendSnapshot"][number], ok: boolean): void {
    const { driver } = this.#options;
    driver.submit({ kind: "snapshot-sent", now: driver.clock.now(), to: wanted.to, session: wanted.session, ok });
  }

  /** A chunk from the leader; `resume` tells the sender where to go on. */
  onChunk(chunk: IncomingChunk, resume: (nextOffset: number | undefined) => void): void {
    const { driver, snapshots } = this.#options;
    if (chunk.term < driver.core.status().term) return resume(undefined);
    const expected = snapshots.received(chunk.meta);
    if (snapshots.list().some(({ id }) => id === chunk.meta.id)) {
      // Complete since an earlier transfer whose end the core ignored or never saw, as after a crash.
      this.#onComplete(chunk);
      return resume(chunk.meta.sizeBytes);
    }
    if (chunk.offset !== expected) return resume(expected);
    const { offset, bytes, isLast } = chunk;
    snapshots.receive(chunk.meta, { offset, bytes, isLast }, (result) => {
      if (!result.ok) {
        if (result.error.kind === "untrusted") driver.distrust(result.error.message);
        return resume(undefined);
      }
      if (result.value.isComplete) this.#onComplete(chunk);
      resume(result.value.nextOffset);
    });
  }

  #onComplete({ from, term, session, meta }: IncomingChunk): void {
    const { driver } = this.#options;
    const received: SnapshotMeta = { ...meta, origin: "received" };
    driver.submit({ kind: "snapshot-received", now: driver.clock.now(), from, term, session, meta: received });
  }

  /** Restores the state machine once the log's reset is durable. */
  install(meta: SnapshotMeta, done: () => void): void {
    const { driver, machine, snapshots, observer, note } = this.#options;
    const startedAt = driver.clock.now();
    machine.restoreStart();
    snapshots.load(
      meta.id,
      (part) => machine.restorePart(part),
      (result) => {
        if (!result.ok) {
          const why = result.error.kind === "damaged" ? "its stored bytes are damaged" : result.error.message;
          // It was whole when it was stored, and the log behind it is gone: this disk does not keep what it took.
          driver.distrust(`Cannot install snapshot ${meta.id}: ${why}`);
          return;
        }
        machine.restoreEnd(meta);
        note(`Installed snapshot ${meta.id} from the leader: the state is now at index ${meta.index}`);
        const { index, sizeBytes } = meta;
        observer.onSnapshotInstalled?.({ index, sizeBytes, durationMs: driver.clock.now() - startedAt });
        driver.submit({ kind: "snapshot-installed", now: driver.clock.now(), index: meta.index });
        done();
      },
    );
  }
}
