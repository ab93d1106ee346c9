import { describe, expect, test } from "bun:test";
import { createCore } from "../core.ts";
import { Cluster, lonelyNode } from "../testing/cluster.ts";
import { bootOf, bootstrappedDisk, CLUSTER_ID, EPOCH, keyOf, membershipOf, optionsFor } from "../testing/fixtures.ts";
import {
  append,
  campaign,
  diskWith,
  lastOfKind,
  lastRound,
  leaderOf,
  ofKind,
  preVote,
  vote,
} from "../testing/messages.ts";

const THREE = membershipOf(["a", "b", "c"]);

function header(from: string, term: number) {
  return { clusterId: CLUSTER_ID, epoch: EPOCH, from: keyOf(from), fromBoot: bootOf(from), to: keyOf("a"), term };
}

describe("A. term, vote, election", () => {
  test("rule 1: term and vote are one record, and no reply leaves before it is durable", () => {
    const core = createCore(optionsFor("a", bootstrappedDisk(THREE)));

    const effects = core.step({ kind: "receive", now: 1, message: { ...header("b", 5), ...vote(1, 1) } });

    expect(effects.persist?.hard).toEqual({ term: 5, vote: keyOf("b") });
    expect(effects.send).toHaveLength(1);
    expect(effects.send[0]?.message.kind).toBe("vote-reply");
    expect(effects.send[0]?.after).toBe(effects.persist?.ticket);
  });

  test("rule 1: the reply to an append of a new term waits until that term is durable", () => {
    const core = createCore(optionsFor("a", bootstrappedDisk(THREE)));
    const first = core.entryId(1);
    const body = { kind: "append" as const, prevIndex: 1, prevTerm: 1, prevChain: first?.chain ?? 0, entries: [] };

    const effects = core.step({
      kind: "receive",
      now: 1,
      message: { ...header("b", 5), ...body, commit: 0, round: 1, session: 1 },
    });

    expect(effects.persist?.hard?.term).toBe(5);
    expect(effects.send[0]?.after).toBe(effects.persist?.ticket);
  });

  test("rule 1: own vote requests wait for the own vote, which counts at its ticket", () => {
    const disk = bootstrappedDisk(membershipOf(["a"]));
    const { node, sent } = lonelyNode("a", disk);

    expect(node.status).toMatchObject({ role: "candidate", term: 2, vote: keyOf("a") });
    node.flush();
    expect(node.status.role).toBe("leader");
    expect(sent).toEqual([]);
  });

  test("rule 2: a second candidate of one term gets no vote, before and after a restart", () => {
    const disk = bootstrappedDisk(THREE);
    const { node, sent } = lonelyNode("a", disk);
    node.hear("b", 5, vote(1, 1));
    node.flush();
    node.hear("c", 5, vote(1, 1));
    expect(ofKind(sent, "vote-reply").map(({ granted }) => granted)).toEqual([true, false]);

    const again = lonelyNode("a", disk);
    again.node.hear("c", 5, vote(9, 9));
    again.node.hear("b", 5, vote(1, 1));
    expect(ofKind(again.sent, "vote-reply").map(({ granted }) => granted)).toEqual([false, true]);
  });

  for (const { lastTerm, lastIndex, granted } of [
    { lastTerm: 3, lastIndex: 3, granted: true },
    { lastTerm: 3, lastIndex: 2, granted: false },
    { lastTerm: 2, lastIndex: 99, granted: false },
    { lastTerm: 4, lastIndex: 1, granted: true },
  ]) {
    test(`rule 3: a vote for a log ending at (${lastTerm}, ${lastIndex}) against (3, 3) is ${granted}`, () => {
      const { node, sent } = lonelyNode("a", diskWith(THREE, [2, 3]));

      node.hear("b", 9, vote(lastTerm, lastIndex));
      node.flush();

      expect(lastOfKind(sent, "vote-reply")?.granted).toBe(granted);
    });
  }

  test("rule 4: a higher term that was only seen leaves the vote free", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, [2, 3], keyOf("c")));

    node.hear("b", 9, vote(1, 1));
    expect(node.status).toMatchObject({ term: 9, vote: undefined });
    node.hear("c", 9, vote(3, 3));
    node.flush();

    expect(ofKind(sent, "vote-reply").map(({ granted }) => granted)).toEqual([false, true]);
  });

  test("rule 5: a pre-vote writes nothing and starts no timer anew", () => {
    const { node, sent } = lonelyNode("a", bootstrappedDisk(THREE));
    const { nextWake } = node;
    node.now = 900;

    node.hear("b", 7, preVote(1, 1));

    expect(node.pending).toEqual([]);
    expect(node.status.term).toBe(1);
    expect(node.nextWake).toBe(nextWake);
    expect(lastOfKind(sent, "pre-vote-reply")?.granted).toBe(true);
  });

  test("rule 6: a granted pre-vote carries the proposed term, a refused one the voter's", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, [2, 3]));

    node.hear("b", 7, preVote(3, 3));
    node.hear("c", 7, preVote(2, 9));

    const replies = ofKind(sent, "pre-vote-reply");
    expect(replies.map(({ granted, term }) => ({ granted, term }))).toEqual([
      { granted: true, term: 7 },
      { granted: false, term: 3 },
    ]);
  });

  test("rule 7: every request of a lower term is answered with the higher one", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, [8]));

    node.hear("b", 3, preVote(9, 9));
    node.hear("b", 3, vote(9, 9));
    node.hear("b", 3, append(node));
    node.hear("b", 3, { kind: "timeout-now", requireIndex: 1, requireTerm: 1 });

    expect(sent.map(({ kind, term }) => `${kind} ${term}`)).toEqual([
      "stale-term 8",
      "stale-term 8",
      "stale-term 8",
      "stale-term 8",
    ]);
  });

  test("rule 7: a leader steps down for a member that is stuck at a higher term", () => {
    const { node, term } = leaderOf();

    node.hear("b", term + 3, { kind: "stale-term" });

    expect(node.status).toMatchObject({ role: "follower", term: term + 3, leader: undefined });
  });

  test("rule 8: a pre-candidate adopts the higher term of a refusal", () => {
    const { node } = lonelyNode("a", bootstrappedDisk(THREE));
    node.now = 2000;
    node.step({ kind: "tick" });
    expect(node.status.role).toBe("pre-candidate");

    node.hear("b", 6, { kind: "pre-vote-reply", round: lastRound(node), granted: false });

    expect(node.status).toMatchObject({ role: "follower", term: 6 });
  });

  test("rule 9: answers to an earlier pre-vote round or term do not count", () => {
    const { node } = lonelyNode("a", bootstrappedDisk(THREE));
    node.now = 2000;
    node.step({ kind: "tick" });
    const old = lastRound(node);
    node.now = 4000;
    node.step({ kind: "tick" });

    node.hear("b", 2, { kind: "pre-vote-reply", round: old, granted: true });
    node.hear("c", 2, { kind: "pre-vote-reply", round: old, granted: true });
    expect(node.status.role).toBe("pre-candidate");

    node.hear("b", 2, { kind: "pre-vote-reply", round: lastRound(node), granted: true });
    node.flush();
    expect(node.status.role).toBe("candidate");
    node.hear("b", 1, { kind: "vote-reply", granted: true });
    expect(node.status.role).toBe("candidate");
  });

  test("rule 10: the timer starts anew for a granted vote and the leader's messages, a refused append too", () => {
    const { node } = lonelyNode("a", diskWith(THREE, [2]));
    const untouched = node.nextWake;
    node.now = 500;
    node.hear("b", 3, vote(1, 1));
    expect(node.nextWake).toBe(untouched);
    node.hear("b", 3, vote(2, 2));
    expect(node.nextWake).toBe(2000);
    node.now = 700;
    node.hear("c", 3, append(node, { prevIndex: 50, prevTerm: 2 }));
    expect(node.nextWake).toBe(2200);
    node.now = 900;
    node.hear("b", 2, append(node));
    expect(node.nextWake).toBe(2200);
  });

  test("rule 11: a refused append carries the term", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, [2]));

    node.hear("b", 4, append(node, { prevIndex: 50, prevTerm: 4 }));
    node.flush();

    expect(lastOfKind(sent, "append-reply")).toMatchObject({ ok: false, term: 4 });
  });

  test("rule 12: a voter that heard its leader ignores candidates, unless that leader sent them", () => {
    const { node, sent } = lonelyNode("a", bootstrappedDisk(THREE));
    node.hear("b", 2, append(node));
    node.flush();
    node.now = 900;

    node.hear("c", 3, preVote(9, 9));
    node.hear("c", 3, vote(9, 9));
    expect(lastOfKind(sent, "pre-vote-reply")?.granted).toBe(false);
    expect(node.status).toMatchObject({ term: 2, leader: keyOf("b") });

    node.hear("c", 3, vote(9, 9, true));
    node.flush();
    expect(lastOfKind(sent, "vote-reply")?.granted).toBe(true);
  });

  test("rule 12: a voter whose leader is known gone votes, and campaigns within 50 ms", () => {
    const { node, sent } = lonelyNode("a", bootstrappedDisk(THREE));
    node.hear("b", 2, append(node));
    node.flush();
    node.now = 100;

    node.step({ kind: "leader-gone", key: keyOf("b"), boot: "another process" });
    node.hear("c", 3, preVote(1, 1));
    node.step({ kind: "leader-gone", key: keyOf("b"), boot: bootOf("b") });
    node.hear("c", 3, preVote(1, 1));

    expect(ofKind(sent, "pre-vote-reply").map(({ granted }) => granted)).toEqual([false, true]);
    expect(node.nextWake).toBeLessThanOrEqual(200);
  });

  test("rule 12: the leader itself ignores candidates", () => {
    const { node, term } = leaderOf();

    node.hear("b", term + 1, vote(99, 99));

    expect(node.status).toMatchObject({ role: "leader", term });
  });

  test("rule 13: a leader that reaches no quorum steps down and falls silent", () => {
    const cluster = new Cluster(["a", "b", "c", "d", "e"]);
    const leader = cluster.elect();
    const [bridge] = cluster.followers();
    cluster.isolate(leader.id);
    // One follower still hears it, both ways: its heartbeats alone would keep that voter loyal for ever.
    cluster.cut.delete(`${leader.id}>${bridge?.id}`);
    cluster.cut.delete(`${bridge?.id}>${leader.id}`);

    cluster.run(1000);
    expect(leader.status.role).not.toBe("leader");
    cluster.run(5000);

    const next = cluster.leader;
    expect(next?.id).not.toBe(leader.id);
    expect(next?.status.term).toBeGreaterThan(2);
  });

  test("rule 14: nothing makes a leader campaign", () => {
    const { node, sent, term } = leaderOf();

    node.hear("b", term, { kind: "timeout-now", requireIndex: 1, requireTerm: 1 });
    node.step({ kind: "leader-gone", key: node.key, boot: node.boot });
    node.step({ kind: "tick" });

    expect(node.status).toMatchObject({ role: "leader", term });
    expect(ofKind(sent, "vote")).toHaveLength(2);
  });

  test("rule 16: a learner votes when asked but never campaigns", () => {
    const { node, sent } = lonelyNode("a", bootstrappedDisk(membershipOf(["b", "c"], ["a"])));
    for (let i = 0; i < 20; i += 1) {
      node.now += 1000;
      node.step({ kind: "tick" });
    }
    expect(sent).toEqual([]);

    node.hear("b", 4, vote(1, 1));
    node.flush();

    expect(lastOfKind(sent, "vote-reply")?.granted).toBe(true);
    expect(node.status.role).toBe("learner");
  });

  test("rule 17: a voter of the committed membership campaigns, but is no vote in the effective one", () => {
    // {a,b}: the leader a appended its own removal, which only its own disk holds.
    const disk = bootstrappedDisk(membershipOf(["a", "b"]));
    const { node } = leaderFrom(disk);
    node.step({ kind: "change", request: 1, changes: [{ kind: "remove", key: keyOf("a") }] });
    node.flush();
    expect(node.status.membership.voters).toEqual([keyOf("b")]);

    const again = lonelyNode("a", disk);
    again.node.now = 5000;
    again.node.step({ kind: "tick" });
    expect(again.node.status.role).toBe("pre-candidate");
    campaignWith(again.node, "b");
    expect(again.node.status.role).toBe("leader");
  });

  test("rule 17: a voter of the outgoing half alone campaigns while the joint membership lasts", () => {
    const joint = {
      ...membershipOf(["a", "b", "c"]),
      voters: [keyOf("b"), keyOf("c")],
      outgoing: [keyOf("a"), keyOf("b")],
    };
    const { node } = lonelyNode("a", bootstrappedDisk(joint), { commitHint: 1 });
    node.now = 5000;
    node.step({ kind: "tick" });
    expect(node.status.role).toBe("pre-candidate");
  });

  test("rule 18: a candidate outside our membership is refused while a leader is heard, judged as usual otherwise", () => {
    const { node, sent } = lonelyNode("a", bootstrappedDisk(THREE));
    node.hear("b", 2, append(node));
    node.flush();
    node.hear("z", 3, vote(9, 9));
    expect(ofKind(sent, "vote-reply")).toEqual([]);

    node.now = 1500;
    node.hear("z", 3, vote(9, 9));
    node.flush();
    expect(lastOfKind(sent, "vote-reply")?.granted).toBe(true);
  });
});

function campaignWith(node: ReturnType<typeof lonelyNode>["node"], voter: string): void {
  const { term } = node.status;
  node.hear(voter, term + 1, { kind: "pre-vote-reply", round: lastRound(node), granted: true });
  node.flush();
  expect(node.status.role).toBe("candidate");
  node.hear(voter, term + 1, { kind: "vote-reply", granted: true });
}

function leaderFrom(disk: ReturnType<typeof bootstrappedDisk>): ReturnType<typeof lonelyNode> {
  const made = lonelyNode("a", disk);
  campaign(made.node);
  const { term } = made.node.status;
  made.node.hear("b", term, { kind: "vote-reply", granted: true });
  made.node.flush();
  const round = lastOfKind(made.sent, "append");
  const reply = { kind: "append-reply" as const, ok: true, match: 2, hintIndex: 0, hintTerm: 0, needSnapshot: false };
  made.node.hear("b", term, { ...reply, round: round?.round ?? 0, session: round?.session ?? 0, seq: 1, applied: 0 });
  return made;
}
