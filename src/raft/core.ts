import { unreachable, type LogIndex, type MemberKey, type Term } from "../base/index.ts";
import type { CoreOptions, CoreStatus, RaftCore } from "./core-types.ts";
import type { Effects } from "./effects.ts";
import { onOwnVoteDurable, startTimers } from "./election.ts";
import type { Entry, EntryId } from "./entry.ts";
import type { RaftEvent } from "./event.ts";
import { onLeaderGone } from "./failover.ts";
import { becomeFollower } from "./follower.ts";
import { Invariants } from "./invariants.ts";
import { advanceTime } from "./leader.ts";
import { onEntriesLoaded, orderLoad } from "./load.ts";
import type { MembershipPoint } from "./membership-history.ts";
import { onChange } from "./membership-leader.ts";
import { onDuplicatePair, onHello, onPeerDown } from "./peers.ts";
import { onApplied, onPropose } from "./propose.ts";
import type { PairSeq } from "./pair-seq.ts";
import { onCancelRead, onRead } from "./read-index.ts";
import { onReceive } from "./receive.ts";
import { isSoleVoter, shownRole } from "./role.ts";
import { memberSeqs, onConfession } from "./rollback.ts";
import { settleLeader } from "./settle.ts";
import { onSnapshotInstalled, onSnapshotReceived } from "./snapshot-follower.ts";
import { onSnapshotSent, onSnapshotTaken } from "./snapshot-leader.ts";
import { createState, type State } from "./state.ts";
import { statusOf } from "./status.ts";
import { nextWake, onTick } from "./timers.ts";
import { handOver, leaveWithGoodbye, onTransfer } from "./transfer.ts";

/** Makes the core of one process start from what the disk holds. */
export function createCore(options: CoreOptions): RaftCore {
  return new Core(options);
}

class Core implements RaftCore {
  readonly #state: State;
  readonly #invariants: Invariants;

  constructor(options: CoreOptions) {
    const s = createState(options);
    this.#state = s;
    s.shownRole = shownRole(s);
    startTimers(s);
    this.#invariants = new Invariants(s);
  }

  step(event: RaftEvent): Effects {
    const s = this.#state;
    s.now = Math.max(s.now, event.now);
    if (s.leading !== undefined) advanceTime(s, s.leading);
    dispatch(s, event);
    settleLeader(s);
    orderLoad(s);
    this.#invariants.checkStep(s);
    return s.out.finish(s.durability, { now: s.now, nextWake: nextWake(s) }, s.commit);
  }

  get term(): Term {
    return this.#state.hard.term;
  }

  get leader(): MemberKey | undefined {
    return this.#state.leader;
  }

  status(): CoreStatus {
    return statusOf(this.#state);
  }

  committedEntries(from: LogIndex, bytesMax: number): readonly Entry[] | "loading" {
    const { log, commit, durability, installing } = this.#state;
    const to = Math.min(commit, durability.index) + 1;
    if (installing !== undefined || from >= to || from <= log.base.index) return [];
    return log.slice(from, to, bytesMax) ?? "loading";
  }

  entryId(index: LogIndex): (EntryId & { readonly time: number }) | undefined {
    return this.#state.log.pointAt(index);
  }

  membershipAt(index: LogIndex): MembershipPoint {
    return this.#state.members.at(index);
  }

  memberSeqs(): readonly PairSeq[] {
    return memberSeqs(this.#state);
  }

  check(): void {
    this.#invariants.checkAll(this.#state);
  }
}

function dispatch(s: State, event: RaftEvent): void {
  switch (event.kind) {
    case "receive":
      return onReceive(s, event.message);
    case "tick":
      return onTick(s);
    case "propose":
      return onPropose(s, event);
    case "read":
      return onRead(s, event.request);
    case "cancel-read":
      return onCancelRead(s, event.request);
    case "persisted":
      return onPersisted(s, event.ticket, event.seq);
    case "applied":
      return onApplied(s, event.index);
    case "entries-loaded":
      return onEntriesLoaded(s, event.entries);
    case "change":
      return onChange(s, event);
    case "transfer":
      return onTransfer(s, event.request, event.to);
    case "hold-promotions":
      s.promotionsHeldUntil = event.until;
      return;
    case "stop":
      return onStop(s);
    case "disk-full":
      return onDiskFull(s, event.full);
    case "snapshot-taken":
      return onSnapshotTaken(s, event.meta, event.compactTo);
    case "snapshot-received":
      return onSnapshotReceived(s, event);
    case "snapshot-installed":
      return onSnapshotInstalled(s, event.index);
    case "snapshot-sent":
      return onSnapshotSent(s, event);
    case "hello":
      return onHello(s, event);
    case "peer-down":
      return onPeerDown(s, event.key, event.boot);
    case "leader-gone":
      return onLeaderGone(s, event.key, event.boot);
    case "confession":
      onConfession(s, event.key);
      return onLeaderGone(s, event.key, event.boot);
    case "duplicate-pair":
      return onDuplicatePair(s, event.key, event.present);
    default:
      return unreachable(event);
  }
}

function onPersisted(s: State, ticket: number, seq: number): void {
  s.durability.onPersisted(ticket, seq);
  if (s.leading !== undefined) s.leading.isCommitDirty = true;
  onOwnVoteDurable(s);
}

function onDiskFull(s: State, isFull: boolean): void {
  s.isDiskFull = isFull;
  if (isFull && s.leading !== undefined && !isSoleVoter(s)) handOver(s, s.leading);
}

/** The process is about to end: somebody else should lead, and at once. */
function onStop(s: State): void {
  s.isStopping = true;
  const { leading } = s;
  if (leading === undefined) {
    if (s.role !== "follower") becomeFollower(s, s.hard.term, "this node is stopping");
  } else if (isSoleVoter(s) || !handOver(s, leading)) leaveWithGoodbye(s, leading);
}
