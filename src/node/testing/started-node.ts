import { createPrng, fromUtf8, ok, utf8 } from "../../base/index.ts";
import type { Member, Message } from "../../raft/index.ts";
import type { ProposeOutcome, RaftNode } from "../node-types.ts";
import type { LogStore, SnapshotStore, StateMachine, StoredState, Transport } from "../ports.ts";
import { foundedLog, openClusterOfOne, SELF } from "./cluster-of-one.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";

/** Beside the only voter, `SELF`. */
export const LEARNER: Member = { ...SELF, id: "m", name: "m", address: "m:1" };

/** A running node, and what it and its disk do. */
export interface StartedNode {
  readonly node: RaftNode;
  readonly clock: ManualClock;
  readonly applied: string[];
  readonly disk: { isFull: boolean; isBroken: boolean; isStalled: boolean };
}

interface Unusual {
  readonly initial?: StoredState;
  readonly read?: LogStore["read"];
  readonly snapshots?: Partial<SnapshotStore>;
  readonly cacheBytesMax?: number;
  readonly transport?: Partial<Transport>;
  readonly freeze?: StateMachine["freeze"];
  readonly thresholdBytes?: number;
  readonly beforeStart?: (node: RaftNode) => void;
}

/** A cluster of one on simulated parts; `unusual` takes the place of some. Only its clock moves it. */
export function startNode(unusual: Unusual = {}): StartedNode {
  const clock = createManualClock();
  const disk = { isFull: false, isBroken: false, isStalled: false };
  const applied: string[] = [];
  const log = logOn(disk, clock, unusual);
  const prng = createPrng(1);
  const node = openClusterOfOne({
    stored: log.initial,
    clock,
    log,
    snapshots: { ...NO_SNAPSHOTS, ...unusual.snapshots },
    transport: { ...NO_PEERS, ...unusual.transport },
    machine: machineOf(applied, unusual),
    random: () => prng.float(),
    cacheBytesMax: unusual.cacheBytesMax ?? 1 << 26,
    snapshotPolicy: unusual.thresholdBytes === undefined ? {} : { thresholdBytes: unusual.thresholdBytes },
  });
  unusual.beforeStart?.(node);
  node.start();
  return { node, clock, applied, disk };
}

/** A transaction takes a millisecond. */
function logOn(disk: StartedNode["disk"], clock: ManualClock, { initial, read }: Unusual): LogStore {
  let seq = 1;
  return {
    initial: initial ?? foundedLog(),
    persist: (_, __, done) => {
      if (disk.isStalled) return;
      clock.at(clock.now() + 1, () => {
        if (disk.isBroken) return done({ ok: false, error: { kind: "untrusted", message: "fsync failed" } });
        if (disk.isFull) return done({ ok: false, error: { kind: "full", message: "no space" } });
        seq += 1;
        done(ok({ seq, durationMs: 1 }));
      });
    },
    read: read ?? ((_, done) => done(ok([]))),
    bootstrap: () => undefined,
    sizeBytes: () => 0,
    close: (done) => done(),
  };
}

/** Says of each command that it was applied. */
function machineOf(applied: string[], { freeze }: Unusual): StateMachine {
  let appliedIndex = 0;
  return {
    apply: (entry) => {
      appliedIndex = entry.index;
      if (entry.kind === "command") applied.push(fromUtf8(entry.data));
      return `applied ${entry.index}`;
    },
    get appliedIndex() {
      return appliedIndex;
    },
    freeze: freeze ?? noneIsDue,
    restoreStart: () => undefined,
    restorePart: () => undefined,
    restoreEnd: () => undefined,
    stateHash: () => "",
  };
}

function noneIsDue(): never {
  throw new Error("no snapshot is due here");
}

const NO_SNAPSHOTS: SnapshotStore = {
  list: () => [],
  create: noneIsDue,
  openStored: () => {
    throw new Error("there is none");
  },
  received: () => 0,
  receive: () => undefined,
  load: () => undefined,
  sizeBytes: () => 0,
  close: (done) => done(),
};

const NO_PEERS: Transport = {
  start: () => undefined,
  send: () => undefined,
  sendSnapshot: () => undefined,
  cancelSnapshot: () => undefined,
  setMembers: () => undefined,
  stop: (done) => done(),
};

/** The outcomes will be in the answer. */
export function propose({ node, clock }: StartedNode, text: string): ProposeOutcome[] {
  const outcomes: ProposeOutcome[] = [];
  node.propose(utf8(text), clock.now() + 2000, (outcome) => void outcomes.push(outcome));
  return outcomes;
}

export function proposeMany(given: StartedNode, count: number): void {
  for (let at = 0; at < count; at += 1) propose(given, `${at}`);
}

/** How many entries each append has from now on. */
export function batchesOf({ node }: StartedNode): number[] {
  const batches: number[] = [];
  node.observe({ onAppend: (entries) => void batches.push(entries.length) });
  return batches;
}

/** What a follower answers that has all of it. */
export function accepted({ to, from, entries, prevIndex, ...append }: Message & { readonly kind: "append" }): Message {
  const { clusterId, epoch, term, round, session } = append;
  const header = { clusterId, epoch, from: to, fromBoot: "00000000000000cc", to: from, term, round, session };
  const match = {
    match: prevIndex + entries.length,
    hintIndex: 0,
    hintTerm: 0,
    needSnapshot: false,
    seq: 1,
    applied: 0,
  };
  return { ...header, ...match, kind: "append-reply", ok: true };
}
