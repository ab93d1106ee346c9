import { describe, expect, test } from "bun:test";
import {
  EMPTY_MEMBERSHIP,
  encodeMembership,
  type Append,
  type Entry,
  type Membership,
  type Message,
  type SnapshotMeta,
} from "../../../src/raft/index.ts";
import { LogImage } from "../disk/log-image.ts";
import { CommittedLog } from "./committed-log.ts";
import { ElectionSafety } from "./election-safety.ts";
import { checkAgreed, checkUnderstood } from "./known-versions.ts";
import { LogMatching } from "./log-matching.ts";
import { haveCommonQuorums, MembershipSafety } from "./membership-safety.ts";
import { OneVote } from "./one-vote.ts";
import { checkPromises } from "./promises.ts";
import { checkBacked } from "./quorum-backed.ts";
import { createReporter } from "./reporter.ts";
import { checkContact } from "./silent-leader.ts";
import { checkSnapshot } from "./snapshot-truth.ts";

const fail = createReporter({ now: 0 });

function entry(index: number, term: number, chain: number): Entry {
  return { index, term, chain, kind: "command", time: 0, data: new Uint8Array(0) };
}

function members(voters: readonly string[], outgoing: readonly string[] = []): Membership {
  const all = [...new Set([...voters, ...outgoing])];
  const listed = all.map((key) => {
    const [id = "", incarnation = ""] = key.split("~");
    return [
      key,
      {
        id,
        incarnation,
        name: id,
        address: `${id}:1`,
        httpAddress: "",
        zone: "",
        version: "1",
        commandVersion: 1,
        nonVoter: false,
        admitted: 1,
        publicKey: "",
      },
    ] as const;
  });
  return { ...EMPTY_MEMBERSHIP, voters, outgoing, members: new Map(listed) };
}

const A = "a~000000000000000a";
const B = "b~000000000000000b";
const C = "c~000000000000000c";
const APPLIED = { result: undefined, at: 0 };

const header = { clusterId: "", epoch: { counter: 0, random: "" }, from: A, fromBoot: "1", to: B };

function image(hard: LogImage["hard"], entries: readonly Entry[] = []): LogImage {
  const made = new LogImage(0);
  made.apply([{ ticket: 1, hard, append: entries }], 0);
  return made;
}

describe("canaries: each invariant is broken once, and says so", () => {
  test("two leaders in one term", () => {
    const elections = new ElectionSafety(fail);
    elections.onClaim(3, { key: A, boot: A });
    elections.onClaim(3, { key: A, boot: A });
    expect(() => elections.onClaim(3, { key: B, boot: B })).toThrow("election safety");
  });

  test("two votes in one term", () => {
    const votes = new OneVote(fail);
    votes.onVote(A, 3, B);
    votes.onVote(A, 4, C);
    votes.onVote(A, 3, B);
    expect(() => votes.onVote(A, 3, C)).toThrow("one vote a term");
  });

  test("a leader without the votes of a quorum, or of either half of a joint membership", () => {
    const votes = new OneVote(fail);
    votes.onVote(B, 3, A);
    votes.onVote(C, 4, A);
    votes.checkElected(A, 3, members([A, B, C]));
    votes.checkElected(A, 3, members([A, B, C], [A, B]));
    expect(() => votes.checkElected(A, 4, members([A, B]))).toThrow("elected by a quorum");
    expect(() => votes.checkElected(A, 3, members([A, B, C], [A, C]))).toThrow("elected by a quorum");
    votes.forget(B);
    votes.checkElected(A, 4, members([A, B]));
  });

  test("a message of a term that is not durable", () => {
    const message: Message = { ...header, term: 5, kind: "stale-term" };
    expect(() => checkPromises(message, image({ term: 4, vote: undefined }), fail)).toThrow("promises are durable");
    expect(() => checkPromises(message, image({ term: 5, vote: undefined }), fail)).not.toThrow();
  });

  test("a vote that is not durable", () => {
    const message: Message = { ...header, term: 5, kind: "vote-reply", granted: true };
    expect(() => checkPromises(message, image({ term: 5, vote: C }), fail)).toThrow("promises are durable");
    expect(() => checkPromises(message, image({ term: 5, vote: B }), fail)).not.toThrow();
  });

  test("an acknowledgement of what is not durable", () => {
    const reply = { kind: "append-reply", ok: true, hintIndex: 0, hintTerm: 0, round: 1, session: 1 } as const;
    const rest = { needSnapshot: false, seq: 1, applied: 0 } as const;
    const message: Message = { ...header, term: 5, ...reply, ...rest, match: 2 };
    const hard = { term: 5, vote: undefined };
    expect(() => checkPromises(message, image(hard, [entry(1, 5, 7)]), fail)).toThrow("promises are durable");
    expect(() => checkPromises(message, image(hard, [entry(1, 5, 7), entry(2, 5, 8)]), fail)).not.toThrow();
  });

  test("two logs behind one (index, term)", () => {
    const matching = new LogMatching(fail);
    matching.onAppend(entry(7, 2, 100));
    matching.onAppend(entry(7, 3, 200));
    expect(() => matching.onAppend(entry(7, 2, 101))).toThrow("log matching");
  });

  test("two entries applied at one index, or two states after it", () => {
    const log = new CommittedLog(fail);
    log.onApply(entry(1, 1, 10), { key: A, term: 1, stateHash: "x", ...APPLIED });
    expect(() => log.onApply(entry(1, 2, 11), { key: B, term: 2, stateHash: "x", ...APPLIED })).toThrow(
      "state machine safety",
    );
    expect(() => log.onApply(entry(1, 1, 10), { key: B, term: 2, stateHash: "y", ...APPLIED })).toThrow("equal states");
    expect(() => log.onApply(entry(3, 1, 12), { key: B, term: 2, stateHash: "y", ...APPLIED })).toThrow(
      "state machine safety",
    );
  });

  test("a leader without a committed entry, or with another one", () => {
    const log = new CommittedLog(fail);
    log.onApply(entry(1, 1, 10), { key: A, term: 1, stateHash: "x", ...APPLIED });
    expect(() => log.onLeader(B, 2, 0)).toThrow("leader completeness");
    expect(() => log.onLeader(B, 1, 0)).not.toThrow();
    const append: Append = {
      kind: "append",
      prevIndex: 0,
      prevTerm: 0,
      prevChain: 0,
      entries: [entry(1, 2, 99)],
      commit: 0,
      round: 1,
      session: 1,
    };
    expect(() => log.onAppendSent(B, 2, append)).toThrow("leader completeness");
  });

  test("a commit that only a minority holds", () => {
    const held = image({ term: 1, vote: undefined }, [entry(1, 1, 10)]);
    const use = { imageOf: (key: string) => (key === A ? held : undefined), fail };
    expect(() => checkBacked({ index: 1, chain: 10 }, [members([A, B, C])], use)).toThrow("quorum-backed");
    expect(() => checkBacked({ index: 1, chain: 11 }, [members([A])], use)).toThrow("quorum-backed");
    expect(() => checkBacked({ index: 1, chain: 10 }, [members([A])], use)).not.toThrow();
    expect(() => checkBacked({ index: 1, chain: 10 }, [members([A], [B, C])], use)).toThrow("quorum-backed");
  });

  test("a leader that nobody speaks to", () => {
    const check = (heard: readonly string[]) => () =>
      checkContact(A, members([A, B, C]), { heardWithin: (key) => heard.includes(key), fail });
    expect(check([B])).not.toThrow();
    expect(check([])).toThrow("a leader has contact");
  });

  test("memberships without a common quorum", () => {
    expect(haveCommonQuorums(members([A]), members([A, B]))).toBe(true);
    expect(haveCommonQuorums(members([A]), members([B]))).toBe(false);
    expect(haveCommonQuorums(members([A]), members([B], [A]))).toBe(true);
    expect(haveCommonQuorums(members([A]), members([B], [C]))).toBe(false);
    const safety = new MembershipSafety(fail);
    const committed = (index: number, membership: Membership): Entry => ({
      ...entry(index, 1, index),
      kind: "membership",
      data: encodeMembership(membership),
    });
    safety.onCommitted(committed(1, members([A])));
    expect(() => safety.onCommitted(committed(2, members([B, C])))).toThrow("membership safety");
  });

  test("a snapshot of another state, entry or membership", () => {
    const log = new CommittedLog(fail);
    const memberships = new MembershipSafety(fail);
    const first: Entry = { ...entry(1, 1, 10), kind: "membership", data: encodeMembership(members([A])) };
    log.onApply(first, { key: A, term: 1, stateHash: "x", ...APPLIED });
    memberships.onCommitted(first);
    const meta: SnapshotMeta = {
      id: "s",
      clusterId: "",
      epoch: { counter: 0, random: "" },
      index: 1,
      term: 1,
      chain: 10,
      time: 0,
      membership: members([A]),
      membershipIndex: 1,
      seqs: [],
      sizeBytes: 0,
      sha256: "",
      stateHash: "x",
      hashVersion: 1,
      format: 1,
      origin: "local",
    };
    const check = (wrong: Partial<SnapshotMeta>) => () =>
      checkSnapshot({ ...meta, ...wrong }, { log, memberships }, fail);
    expect(check({})).not.toThrow();
    expect(check({ stateHash: "y", ...APPLIED })).toThrow("snapshot is the state");
    expect(check({ chain: 11 })).toThrow("snapshot is the state");
    expect(check({ index: 2 })).toThrow("snapshot is the state");
    expect(check({ membershipIndex: 0 })).toThrow("snapshot is the state");
    expect(check({ membership: members([B]) })).toThrow("snapshot is the state");
  });

  test("a cluster version that a member does not understand, and a command that nobody agreed on", () => {
    const raised = { ...members([A, B]), clusterVersion: 2 };
    const machines = (ofB: number, ofC: number) => [
      { key: A, commandVersion: 2 },
      { key: B, commandVersion: ofB },
      { key: C, commandVersion: ofC },
    ];
    checkUnderstood(raised, machines(2, 1), fail);
    expect(() => checkUnderstood(raised, machines(1, 2), fail)).toThrow("members understand the cluster version");
    checkAgreed(7, { needs: 2, agreed: 2 }, fail);
    expect(() => checkAgreed(7, { needs: 2, agreed: 1 }, fail)).toThrow("commands are agreed on");
  });
});
