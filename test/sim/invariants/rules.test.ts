import { describe, expect, test } from "bun:test";
import {
  EMPTY_MEMBERSHIP,
  type CoreStatus,
  type Entry,
  type Persist,
  type SnapshotMeta,
} from "../../../src/raft/index.ts";
import { LogImage } from "../disk/log-image.ts";
import { ChangeGates } from "./change-gates.ts";
import { checkAcknowledged, checkCompacted, checkInstalled, checkReset } from "./kept-log.ts";
import { OwnTermCommits } from "./own-term.ts";
import { ReadFloors } from "./read-floors.ts";
import { createReporter } from "./reporter.ts";

const fail = createReporter({ now: 0 });
const A = "a~000000000000000a";
const B = "b~000000000000000b";

const META: SnapshotMeta = {
  id: "1",
  clusterId: "",
  epoch: { counter: 0, random: "" },
  index: 0,
  term: 0,
  chain: 0,
  time: 0,
  membership: EMPTY_MEMBERSHIP,
  membershipIndex: 0,
  stateHash: "",
  hashVersion: 1,
  format: 1,
  origin: "received",
  sizeBytes: 0,
  sha256: "",
  seqs: [],
};

function entry(index: number, term: number, kind: Entry["kind"] = "command"): Entry {
  return { index, term, chain: index * 100 + term, kind, time: 0, data: new Uint8Array(0) };
}

function log(term: number, entries: readonly Entry[]): LogImage {
  const made = new LogImage(0);
  made.apply([{ ticket: 1, hard: { term, vote: undefined }, append: entries }], 0);
  return made;
}

describe("canaries: each rule is broken once, and its check says so", () => {
  test("a leader that counts an entry of an older term", () => {
    const commits = new OwnTermCommits(fail);
    const durable = log(3, [entry(1, 1), entry(2, 1), entry(3, 2), entry(4, 3)]);
    const leader = { key: A, durable, status: () => ({ durableIndex: 4 }) };
    commits.onLeader(3, 2);
    commits.onClaim(leader, { term: 3, commit: 2 });
    commits.onClaim(leader, { term: 3, commit: 4 });
    expect(() => commits.onClaim(leader, { term: 3, commit: 3 })).toThrow("commits by the own term");
  });

  test("a change before the one before is committed, before an entry of the term is, and for a voter that has nothing", () => {
    const membership = { ...EMPTY_MEMBERSHIP, voters: [A, B] };
    const peer = {
      key: B,
      match: 2,
      next: 3,
      applied: 0,
      state: "replicate",
      lastContact: 0,
      isConnected: true,
      isCaughtUp: true,
      version: "",
      commandVersion: 1,
    } as const;
    const status: CoreStatus = {
      role: "leader",
      term: 3,
      vote: A,
      leader: A,
      commit: 3,
      applied: 0,
      appliedTerm: 0,
      lastIndex: 4,
      lastTerm: 3,
      firstIndex: 1,
      durableIndex: 3,
      snapshotIndex: 0,
      membership,
      membershipIndex: 4,
      committedMembership: { ...EMPTY_MEMBERSHIP, voters: [A] },
      committedMembershipIndex: 1,
      leaderContact: 0,
      isTransferring: false,
      duplicates: [],
      peers: [peer],
      unconnected: [],
    };
    const durable = log(3, [entry(1, 1, "membership"), entry(2, 2), entry(3, 3)]);
    const change = { index: 4, membership };
    new ChangeGates(fail).onMembership({ key: A, durable }, change, status);
    const early = { ...status, commit: 2 };
    expect(() => new ChangeGates(fail).onMembership({ key: A, durable }, change, early)).toThrow(
      "wait for the own term",
    );
    const empty = { ...status, peers: [{ ...peer, match: 0 }] };
    expect(() => new ChangeGates(fail).onMembership({ key: A, durable }, change, empty)).toThrow("have caught up");
    const gates = new ChangeGates(fail);
    gates.onMembership({ key: A, durable }, change, status);
    expect(() => gates.onMembership({ key: A, durable }, { ...change, index: 5 }, status)).toThrow(
      "one change at a time",
    );
  });

  test("a reset that throws away what the snapshot does not contradict", () => {
    const image = log(2, [entry(1, 1), entry(2, 1), entry(3, 2)]);
    const reset = (index: number, term: number): readonly Persist[] => {
      const { chain } = entry(index, term);
      return [{ ticket: 2, reset: { ...META, index, term, chain } }];
    };
    checkReset(A, image, reset(3, 2), fail);
    checkReset(A, image, reset(2, 2), fail);
    checkReset(A, image, [{ ticket: 1, truncateFrom: 3 }, ...reset(2, 1)], fail);
    expect(() => checkReset(A, image, reset(2, 1), fail)).toThrow("keeps the log behind it");
  });

  test("a log that is compacted past the oldest snapshot", () => {
    const image = log(1, [entry(1, 1), entry(2, 1), entry(3, 1)]);
    const compact = (index: number): readonly Persist[] => [{ ticket: 1, compactTo: entry(index, 1) }];
    checkCompacted(A, { log: image, oldestSnapshot: 2 }, compact(2), fail);
    const past = (): void => checkCompacted(A, { log: image, oldestSnapshot: 2 }, compact(3), fail);
    expect(past).toThrow("kept behind the oldest");
    image.rot(1);
    past();
  });

  test("a state ahead of its disk, and an acknowledgement of another entry", () => {
    const own = log(2, [entry(1, 1), entry(2, 1)]);
    checkInstalled(A, own, 2, fail);
    expect(() => checkInstalled(A, own, 3, fail)).toThrow("installs what is durable");
    const reply = { from: B, to: A, term: 2, match: 2 };
    checkAcknowledged(reply, { own, leader: log(2, [entry(1, 1), entry(2, 1)]) }, fail);
    checkAcknowledged(reply, { own, leader: log(3, [entry(1, 1), entry(2, 2)]) }, fail);
    const leader = log(2, [entry(1, 1), entry(2, 2)]);
    expect(() => checkAcknowledged(reply, { own, leader }, fail)).toThrow("promises are durable");
  });

  test("a read index below what was acknowledged before it was asked for", () => {
    const floors = new ReadFloors(fail);
    floors.onAsked(B, 7, 10);
    floors.onAsked(B, 7, 20);
    floors.onAnswered(A, { to: B, request: 7, index: 10 });
    floors.onAsked(B, 8, 10);
    expect(() => floors.onAnswered(A, { to: B, request: 8, index: 9 })).toThrow("reads are linearizable");
  });
});
