import type { BootId, ClusterId, Epoch, Incarnation, LogIndex, MemberKey, NodeId, Result } from "../base/index.ts";
import type { Entry, HardState, Member, Message, Persist, RecoveredLog, SnapshotMeta } from "../raft/index.ts";

/** Who this data folder is. Made with the folder, never reused. */
export interface Identity {
  readonly clusterId: ClusterId;
  readonly epoch: Epoch;
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  /** By which this pair proves to peers that it is itself; missing: a folder of a release that had none. */
  readonly peerSecret?: string;
}

/**
 * Why a store failed. `full`: nothing is damaged, the transaction did not happen, try again when there is space.
 * `untrusted`: a promise of the disk is broken; this process must stop counting and never retry.
 */
export type StorageFailure =
  | { readonly kind: "full"; readonly message: string }
  | { readonly kind: "untrusted"; readonly message: string };

/** An entry rotted at rest. Nothing is lost as long as a snapshot contains it. */
export interface DamagedEntry {
  readonly kind: "damaged";
  readonly message: string;
}

/** What the log store found when it was opened. */
export interface StoredState extends RecoveredLog {
  readonly identity: Identity | undefined;
  readonly hard: HardState;
  /** Number of transactions so far: the one number behind every promise of this disk. */
  readonly seq: number;
  readonly commitHint: LogIndex;
}

export interface PersistReceipt {
  readonly seq: number;
  readonly durationMs: number;
}

/**
 * Log, hard state and identity. Callbacks come later, never inside the call; one `persist` is in flight at a time.
 * Every implementation passes `test/contracts/log-store.ts`.
 */
export interface LogStore {
  /** What it tells of entries is let go of with the first transaction. */
  readonly initial: StoredState;
  /** Writes all operations in order in ONE transaction with one fsync. After a failure other than `full` nothing is accepted any more. */
  persist(
    operations: readonly Persist[],
    commitHint: LogIndex,
    done: (result: Result<PersistReceipt, StorageFailure>) => void,
  ): void;
  /**
   * Entries `[from, to)` as far as they exist and are what was written, at most `bytesMax` (at least one).
   * `damaged`: the very first of them is not.
   */
  read(
    range: { readonly from: LogIndex; readonly to: LogIndex; readonly bytesMax: number },
    done: (result: Result<readonly Entry[], StorageFailure | DamagedEntry>) => void,
  ): void;
  /** Stores the identity and the first log of a new cluster in one transaction; only on a pristine store. */
  bootstrap(
    identity: Identity,
    first: { readonly hard: HardState; readonly entries: readonly Entry[] },
    done: (result: Result<PersistReceipt, StorageFailure>) => void,
  ): void;
  /** Bytes on disk, for metrics. */
  sizeBytes(): number;
  /** Waits for what is in flight and closes the files. */
  close(done: () => void): void;
}

/** The state at one index, produced in slices; nothing that is applied later shows in it. */
export interface FrozenState {
  /** The next part of the encoded state, about `bytesMax` long; undefined at the end. */
  next(bytesMax: number): Uint8Array | undefined;
  /** The hash over the logical rows that were handed out so far; complete at the end. */
  readonly stateHash: string;
  readonly hashVersion: number;
  readonly format: number;
  release(): void;
}

/** Everything of a snapshot's meta that the node knows before the bytes are written. */
export type SnapshotDraft = Omit<SnapshotMeta, "sizeBytes" | "sha256">;

export interface SnapshotWriter {
  /** Uncompressed bytes of the encoded state, in order. `ready` asks for the next part. */
  write(part: Uint8Array, ready: (failure: StorageFailure | undefined) => void): void;
  /** Makes it durable, reads it back and checks it; only then it is complete. Older than the last two (and not pinned) go. */
  complete(draft: SnapshotDraft, done: (result: Result<SnapshotMeta, StorageFailure>) => void): void;
  abort(): void;
}

/** Complete snapshots, newest last. Every implementation passes `test/contracts/snapshot-store.ts`. */
export interface SnapshotStore {
  /** Complete and, as far as was checked, undamaged snapshots, oldest first. */
  list(): readonly SnapshotMeta[];
  create(): SnapshotWriter;
  /** Stored (compressed) bytes for a transfer; pins the snapshot until `close`. */
  openStored(id: string): {
    readonly meta: SnapshotMeta;
    read(
      offset: number,
      sizeMax: number,
      done: (result: Result<Uint8Array, StorageFailure | { readonly kind: "damaged" }>) => void,
    ): void;
    close(): void;
  };
  /** Where a transfer of this snapshot may resume: bytes already stored of it. */
  received(meta: SnapshotMeta): number;
  /** Stored (compressed) bytes from the leader, in order; at the end the checksum decides. */
  receive(
    meta: SnapshotMeta,
    chunk: { readonly offset: number; readonly bytes: Uint8Array; readonly isLast: boolean },
    done: (
      result: Result<
        { readonly nextOffset: number; readonly isComplete: boolean },
        StorageFailure | { readonly kind: "damaged" }
      >,
    ) => void,
  ): void;
  /**
   * Decoded parts of the encoded state, checked against the checksum before the first part is handed out. None comes behind
   * damage, nor behind one that `part` threw at: then the load is over, without `done`.
   */
  load(
    id: string,
    part: (bytes: Uint8Array) => void,
    done: (result: Result<undefined, StorageFailure | { readonly kind: "damaged" }>) => void,
  ): void;
  sizeBytes(): number;
  close(done: () => void): void;
}

/** What apply gives back to the waiting caller; opaque to the node. */
export type ApplyResult = unknown;

/** The replicated state machine. Synchronous and deterministic: same log, same state, byte for byte. */
export interface StateMachine {
  /** Applies one committed entry (all kinds; only commands change rows). @throws when the entry cannot be decoded: the node stops */
  apply(entry: Entry): ApplyResult;
  readonly appliedIndex: LogIndex;
  /** All tables and metadata of this very index. */
  freeze(): FrozenState;
  /** Forgets everything; then parts in order; then the end, which checks completeness. */
  restoreStart(): void;
  restorePart(bytes: Uint8Array): void;
  restoreEnd(meta: {
    readonly index: LogIndex;
    readonly time: number;
    readonly stateHash: string;
    readonly hashVersion: number;
  }): void;
  /** Running hash of the logical rows, in hex. */
  stateHash(): string;
}

/** A snapshot on its way to a follower. */
export interface OutgoingSnapshot {
  readonly to: MemberKey;
  readonly session: number;
  readonly term: number;
  readonly meta: SnapshotMeta;
  readonly read: (offset: number, sizeMax: number, done: (bytes: Uint8Array | undefined) => void) => void;
  readonly done: (ok: boolean) => void;
}

export interface IncomingChunk {
  readonly from: MemberKey;
  readonly term: number;
  readonly session: number;
  readonly meta: SnapshotMeta;
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

/** What the transport tells the node. Called at any time outside a transport call. */
export interface TransportReceiver {
  onMessage(message: Message): void;
  onHello(hello: {
    readonly key: MemberKey;
    readonly boot: BootId;
    readonly seq: number;
    readonly version: string;
    readonly commandVersion: number;
  }): void;
  onPeerDown(peer: { readonly key: MemberKey; readonly boot: BootId }): void;
  onPeerGone(peer: { readonly key: MemberKey; readonly boot: BootId }): void;
  onDuplicatePair(key: MemberKey, isPresent: boolean): void;
  /** `resume` says from which offset the sender should go on; undefined: give up. */
  onSnapshotChunk(chunk: IncomingChunk, resume: (nextOffset: number | undefined) => void): void;
}

/** Peers. Messages may be lost, doubled and reordered; nothing is promised but bounds. */
export interface Transport {
  start(receiver: TransportReceiver): void;
  /** Queued, bounded, coalesced; never blocks and never throws. */
  send(messages: readonly Message[]): void;
  sendSnapshot(snapshot: OutgoingSnapshot): void;
  cancelSnapshot(to: MemberKey, session: number): void;
  /** Whom to keep connections with: called at every membership change. */
  setMembers(members: readonly Member[]): void;
  stop(done: () => void): void;
}
