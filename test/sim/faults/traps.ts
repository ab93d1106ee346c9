import type { FaultBody } from "./fault.ts";

export type SendTrap = Extract<FaultBody, { kind: "crash-at-send" }>;
export type SyncTrap = Extract<FaultBody, { kind: "crash-at-sync" }>;
export type SnapshotTrap = Extract<FaultBody, { kind: "crash-at-snapshot" }>;

/** Kills a process at a chosen moment: around a send, a sync, or a step of a snapshot. Each trap snaps once. */
export class Traps {
  /** Kills the process that runs now; throws to unwind its stack when it is `inside` a call of it. */
  readonly #kill: (downMs: number, isInside: boolean) => void;
  readonly #onSnap: (what: "send" | "before sync" | "after sync" | "snapshot write" | "snapshot") => void;
  #send: SendTrap | undefined;
  #sync: { readonly trap: SyncTrap; left: number } | undefined;
  #snapshot: SnapshotTrap | undefined;

  constructor(
    kill: (downMs: number, isInside: boolean) => void,
    onSnap: (what: "send" | "before sync" | "after sync" | "snapshot write" | "snapshot") => void,
  ) {
    this.#kill = kill;
    this.#onSnap = onSnap;
  }

  setSend(trap: SendTrap): void {
    this.#send = trap;
  }

  setSync(trap: SyncTrap): void {
    this.#sync = { trap, left: trap.countdown };
  }

  setSnapshot(trap: SnapshotTrap): void {
    this.#snapshot = trap;
  }

  clear(): void {
    this.#send = undefined;
    this.#sync = undefined;
    this.#snapshot = undefined;
  }

  beforeSend(kind: string): void {
    const trap = this.#send;
    if (trap === undefined || trap.message !== kind || trap.isSent) return;
    this.#send = undefined;
    this.#onSnap("send");
    this.#kill(trap.downMs, true);
  }

  onSent(kind: string): void {
    const trap = this.#send;
    if (trap === undefined || trap.message !== kind || !trap.isSent) return;
    this.#send = undefined;
    this.#onSnap("send");
    this.#kill(trap.downMs, true);
  }

  beforeSync(): boolean {
    return this.#atSync("before");
  }

  afterSync(): boolean {
    return this.#atSync("after");
  }

  atSnapshot(moment: SnapshotTrap["moment"]): boolean {
    const trap = this.#snapshot;
    if (trap === undefined || trap.moment !== moment) return false;
    this.#snapshot = undefined;
    this.#onSnap(moment === "write" ? "snapshot write" : "snapshot");
    this.#kill(trap.downMs, false);
    return true;
  }

  #atSync(moment: SyncTrap["moment"]): boolean {
    const sync = this.#sync;
    if (sync === undefined || sync.trap.moment !== moment) return false;
    if (sync.left > 0) {
      sync.left -= 1;
      return false;
    }
    this.#sync = undefined;
    this.#onSnap(moment === "before" ? "before sync" : "after sync");
    this.#kill(sync.trap.downMs, false);
    return true;
  }
}
