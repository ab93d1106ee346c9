import { unreachable, type BootId, type LogIndex, type MemberKey } from "../../src/base/index.ts";
import {
  decodeMembership,
  type CoreStatus,
  type Entry,
  type Membership,
  type Message,
  type Observation,
  type Persist,
  type SnapshotMeta,
} from "../../src/raft/index.ts";
import type { LogImage } from "./disk/log-image.ts";
import { ChangeGates } from "./invariants/change-gates.ts";
import { CommittedLog } from "./invariants/committed-log.ts";
import { ElectionSafety } from "./invariants/election-safety.ts";
import { checkAcknowledged, checkCompacted, checkInstalled, checkReset } from "./invariants/kept-log.ts";
import { checkAgreed } from "./invariants/known-versions.ts";
import { LogMatching } from "./invariants/log-matching.ts";
import { MembershipSafety } from "./invariants/membership-safety.ts";
import { OneVote } from "./invariants/one-vote.ts";
import { OwnTermCommits } from "./invariants/own-term.ts";
import { checkPromises } from "./invariants/promises.ts";
import { checkBacked } from "./invariants/quorum-backed.ts";
import type { Fail } from "./invariants/reporter.ts";
import { ReadFloors } from "./invariants/read-floors.ts";
import { checkSnapshot } from "./invariants/snapshot-truth.ts";
import type { Marks } from "./marks.ts";

/** What the oracle needs to see of a process. */
export interface Observed {
  readonly key: MemberKey;
  readonly boot: BootId;
  readonly durable: LogImage;
  /** Of those on its disk; 0 without one. */
  readonly oldestSnapshot: LogIndex;
  /** What the state machine has applied; it never applies what is not durable here. */
  readonly applied: LogIndex;
  readonly status: () => CoreStatus | undefined;
}

interface AppliedHere {
  readonly stateHash: string;
  /** The command version that a release must know to apply it. */
  readonly needs: number;
  readonly result: unknown;
  /** Simulated ms. */
  readonly at: number;
}

/** Sees everything that passes the ports of all processes, and says when a promise is broken. */
export class Oracle {
  readonly committed: CommittedLog;
  readonly elections: ElectionSafety;
  readonly memberships: MembershipSafety;
  readonly #votes: OneVote;
  readonly #matching: LogMatching;
  readonly #ownTerm: OwnTermCommits;
  readonly #gates: ChangeGates;
  readonly #readFloors: ReadFloors;
  readonly #acked: () => LogIndex;
  readonly #fail: Fail;
  readonly #marks: Marks;
  /** Memberships in some log that are not known to be committed, and the index of the one before in that log. */
  #uncommitted: { readonly index: LogIndex; readonly after: LogIndex; readonly membership: Membership }[] = [];
  /** Disks by pair, of pairs that are gone too: what they acknowledged counts. */
  readonly #images = new Map<MemberKey, LogImage>();

  /** `acked`: everything that was acknowledged to anyone is at or below it. */
  constructor(fail: Fail, marks: Marks, acked: () => LogIndex) {
    this.#fail = fail;
    this.#marks = marks;
    this.committed = new CommittedLog(fail);
    this.elections = new ElectionSafety(fail);
    this.memberships = new MembershipSafety(fail);
    this.#votes = new OneVote(fail);
    this.#matching = new LogMatching(fail);
    this.#ownTerm = new OwnTermCommits(fail);
    this.#gates = new ChangeGates(fail);
    this.#readFloors = new ReadFloors(fail);
    this.#acked = acked;
  }

  onDisk(key: MemberKey, image: LogImage): void {
    this.#images.set(key, image);
  }

  /** This pair's disk is not what it was: it may vote again, and nobody may count that. */
  onForgotten(key: MemberKey): void {
    this.#votes.forget(key);
  }

  onSend(by: Observed, message: Message): void {
    checkPromises(message, by.durable, this.#fail);
    switch (message.kind) {
      case "append":
        this.elections.onClaim(message.term, by);
        this.committed.onAppendSent(by.key, message.term, message);
        this.#ownTerm.onClaim(by, message);
        return;
      case "vote":
        this.#votes.onVote(by.key, message.term, by.key);
        if (message.lastIndex < this.committed.lastIndex) {
          this.#marks.hit("candidate with a newer term and a shorter log");
        }
        return;
      case "vote-reply":
        if (message.granted) this.#votes.onVote(by.key, message.term, message.to);
        else this.#marks.hit("vote refused");
        return;
      case "pre-vote-reply":
        if (!message.granted) this.#marks.hit("pre-vote refused");
        return;
      case "replaced":
        this.#marks.hit("removed node told");
        return;
      case "append-reply":
        if (message.ok) {
          const logs = { own: by.durable, leader: this.#images.get(message.to) };
          checkAcknowledged(message, logs, this.#fail);
        }
        return;
      case "read-index":
        this.#readFloors.onAsked(by.key, message.request, this.#acked());
        return;
      case "read-index-reply":
        if (message.ok) this.#readFloors.onAnswered(by.key, message);
        return;
      case "goodbye":
      case "pre-vote":
      case "snapshot-reply":
      case "stale-term":
      case "timeout-now":
        return;
      default:
        return unreachable(message);
    }
  }

  onPersist(by: Observed, operations: readonly Persist[]): void {
    let { hard } = by.durable;
    checkReset(by.key, by.durable, operations, this.#fail);
    checkCompacted(by.key, { log: by.durable, oldestSnapshot: by.oldestSnapshot }, operations, this.#fail);
    for (const operation of operations) {
      if (operation.truncateFrom !== undefined) this.#onTruncate(by, hard.term, operation);
      if (operation.reset !== undefined && by.durable.lastIndex > operation.reset.index) {
        this.#marks.hit("snapshot over a longer log");
      }
      for (const entry of operation.append ?? []) this.#matching.onAppend(entry);
      if (operation.hard === undefined) continue;
      this.#checkHard(by, hard, operation.hard);
      hard = operation.hard;
    }
  }

  onApply(by: Observed, entry: Entry, { needs, ...applied }: AppliedHere): void {
    const isKnown = this.committed.lastIndex >= entry.index;
    const status = isKnown ? undefined : by.status();
    const term = status?.term ?? by.durable.hard.term;
    this.committed.onApply(entry, { key: by.key, term, ...applied });
    if (isKnown) return;
    checkAgreed(entry.index, { needs, agreed: this.memberships.current?.clusterVersion ?? 1 }, this.#fail);
    if (needs > 1) this.#marks.hit("command of a newer version");
    this.#checkBacked(entry);
    if (entry.kind === "noop") this.#onNoop(entry);
    if (entry.kind === "membership") this.#onMembership(entry);
  }

  onRestored(by: Observed, index: LogIndex, stateHash: string): void {
    const known = this.committed.at(index);
    if (known === undefined || known.stateHash !== stateHash) {
      this.#fail("equal states", `${by.key} restored a state at ${index} that nobody had there`);
    }
  }

  /** A running node has taken over a snapshot of its leader. */
  onInstalled(by: Observed, index: LogIndex): void {
    checkInstalled(by.key, by.durable, index, this.#fail);
  }

  onSnapshot(meta: SnapshotMeta): void {
    checkSnapshot(meta, { log: this.committed, memberships: this.memberships }, this.#fail);
  }

  onObservation(by: Observed, observation: Observation): void {
    if (observation.kind === "diverged") {
      this.#fail("log matching", `${by.key} finds another log at ${observation.index} on ${observation.peer}`);
    }
    if (observation.kind === "membership" && observation.index > this.memberships.currentIndex) {
      this.#onUncommitted(by, observation.index, observation.membership);
    }
    if (observation.kind !== "role" || observation.role !== "leader") return;
    if (this.elections.onClaim(observation.term, by)) this.#marks.hit("leader elected");
    const status = by.status();
    if (status === undefined) return;
    this.committed.onLeader(by.key, observation.term, status.lastIndex);
    this.#votes.checkElected(by.key, observation.term, status.membership);
    this.#ownTerm.onLeader(observation.term, status.commit);
    this.#markFigure8(by, status);
  }

  /** A leader of a newer term holds entries of an older one that a quorum has and nobody has committed. @see Raft §5.4.2 */
  #markFigure8({ durable }: Observed, { membership: { voters }, term }: CoreStatus): void {
    const entry = durable.entries.findLast(
      ({ index, term: older }) => index > this.committed.lastIndex && older < term,
    );
    if (entry === undefined) return;
    const holders = voters.filter((key) => this.#images.get(key)?.idAt(entry.index)?.chain === entry.chain);
    if (holders.length * 2 > voters.length) this.#marks.hit("Figure 8: an older entry on a quorum, not committed");
  }

  #onUncommitted(by: Observed, index: LogIndex, membership: Membership): void {
    const status = by.status();
    if (status === undefined) return;
    this.#gates.onMembership(by, { index, membership }, status);
    this.#uncommitted.push({ index, after: status.committedMembershipIndex, membership });
  }

  #onTruncate(by: Observed, term: number, { truncateFrom, hard }: Persist): void {
    const from = truncateFrom ?? 0;
    if (by.durable.entries.some(({ index, kind }) => index >= from && kind === "membership")) {
      this.#marks.hit("membership entry truncated");
    }
    if (this.elections.leaderOf(term) === by.key && (hard === undefined || hard.term === term)) {
      this.#fail("leader append-only", `${by.key} truncates its log at ${from} while it leads term ${term}`);
    }
    if (from <= by.applied) {
      this.#fail("no truncation of commits", `${by.key} truncates at ${from} and has applied ${by.applied}`);
    }
  }

  #checkHard(by: Observed, before: LogImage["hard"], after: LogImage["hard"]): void {
    if (after.term < before.term) {
      this.#fail("terms rise", `${by.key} goes back from term ${before.term} to ${after.term}`);
    }
    if (after.term === before.term && before.vote !== undefined && after.vote !== before.vote) {
      this.#fail("one vote a term", `${by.key} replaces its vote for ${before.vote} in term ${after.term}`);
    }
  }

  #checkBacked(entry: Entry): void {
    const { current, currentIndex } = this.memberships;
    // The first entry of a cluster is committed by definition.
    if (entry.index === 1 || current === undefined) return;
    // A leader counts by the newest membership in its log: an entry before it by the one that follows the committed one
    // at most, as the next comes only after that is committed; a membership by itself.
    const following = this.#uncommitted.filter(({ after }) => after <= currentIndex);
    const memberships =
      entry.kind === "membership"
        ? [decodeMembership(entry.data)]
        : [current, ...following.map(({ membership }) => membership)];
    checkBacked(entry, memberships, { imageOf: (key) => this.#images.get(key), fail: this.#fail });
  }

  #onNoop(entry: Entry): void {
    const before = this.committed.at(entry.index - 1);
    if (before !== undefined && before.knownIn >= entry.term && before.entry.term < entry.term && entry.index > 2) {
      this.#marks.hit("old-term entries committed through a no-op");
    }
  }

  #onMembership(entry: Entry): void {
    const before = this.memberships.current;
    const membership = this.memberships.onCommitted(entry);
    this.#uncommitted = this.#uncommitted.filter(({ index }) => index > entry.index);
    if (membership.outgoing.length > 0) this.#marks.hit("joint membership");
    if (before === undefined) return;
    if (membership.clusterVersion > before.clusterVersion) this.#marks.hit("cluster version raised");
    const leader = this.elections.leaderOf(entry.term);
    if (leader !== undefined && before.voters.includes(leader) && !membership.voters.includes(leader)) {
      this.#marks.hit("leader removed itself");
    }
    if (membership.voters.some((key) => before.learners.includes(key))) this.#marks.hit("learner promoted");
    const ids = new Set([...before.members.values()].map(({ id }) => id));
    if ([...membership.members].some(([key, { id }]) => ids.has(id) && !before.members.has(key))) {
      this.#marks.hit("member replaced");
    }
  }
}
