import { describe, expect, test } from "bun:test";
import { Cluster, lonelyNode } from "../testing/cluster.ts";
import { bootstrappedDisk, keyOf, LIMITS, memberOf, membershipOf } from "../testing/fixtures.ts";
import { fuzz } from "../testing/fuzz.ts";
import { append, appendReply, diskWith, lastOfKind, leaderOf, ofKind, vote } from "../testing/messages.ts";

const THREE = membershipOf(["a", "b", "c"]);

function settledLeader(): ReturnType<typeof leaderOf> {
  const made = leaderOf();
  made.node.hear("b", made.term, appendReply({ match: 2, session: 1 }));
  made.node.hear("c", made.term, appendReply({ match: 2, session: 2 }));
  return made;
}

describe("F. transfer, stepping down, unknown outcomes", () => {
  for (const { name, from, term, learner, index, obeyed } of [
    { name: "from its leader", from: "b", term: 2, learner: false, index: 1, obeyed: true },
    { name: "from somebody else", from: "c", term: 2, learner: false, index: 1, obeyed: false },
    { name: "of another term", from: "b", term: 3, learner: false, index: 1, obeyed: false },
    { name: "as a learner", from: "b", term: 2, learner: true, index: 1, obeyed: false },
    { name: "whose log it lacks", from: "b", term: 2, learner: false, index: 9, obeyed: false },
  ]) {
    const rule = index === 9 ? 77 : 76;
    test(`rule ${rule}: a node obeys timeout-now ${name}: ${obeyed}`, () => {
      const membership = learner ? membershipOf(["b", "c"], ["a"]) : THREE;
      const { node } = lonelyNode("a", bootstrappedDisk(membership));
      node.hear("b", 2, append(node));
      node.flush();

      node.hear(from, term, { kind: "timeout-now", requireIndex: index, requireTerm: 1 });

      expect(node.status.role === "candidate").toBe(obeyed);
    });
  }

  test("rule 76: only the known leader of this term can make a voter campaign", () => {
    const { node } = lonelyNode("a", bootstrappedDisk(THREE));
    node.hear("b", 1, { kind: "timeout-now", requireIndex: 1, requireTerm: 1 });
    expect(node.status.role).toBe("follower");
  });

  test("rule 77: the target is asked only when its disk holds all of the log, and needs it durable itself", () => {
    const { node, sent, term } = settledLeader();
    node.propose(1, 1);
    node.step({ kind: "transfer", request: 2, to: keyOf("b") });
    expect(ofKind(sent, "timeout-now")).toEqual([]);

    node.hear("b", term, appendReply({ match: 3 }));
    expect(lastOfKind(sent, "timeout-now")).toMatchObject({ to: keyOf("b"), requireIndex: 3, requireTerm: term });

    const disk = diskWith(THREE, [2]);
    const target = lonelyNode("a", disk);
    const entries = disk.entries.splice(1);
    const empty = lonelyNode("a", { ...disk, hard: { term: 1, vote: undefined } });
    empty.node.hear("b", 2, append(empty.node, { entries }));
    empty.node.hear("b", 2, { kind: "timeout-now", requireIndex: 2, requireTerm: 2 });
    expect(empty.node.status.role).toBe("follower");
    expect(target.node.status.lastIndex).toBe(2);
  });

  test("rule 78: a transfer ends at its deadline, and proposals are taken again", () => {
    const { node, term } = settledLeader();
    const respond = () => {
      for (const session of [1, 2]) {
        const reply = appendReply({ match: 2, session, round: node.lastRound });
        node.hear(session === 1 ? "b" : "c", term, reply);
      }
    };
    node.step({ kind: "transfer", request: 1, to: keyOf("b") });
    node.propose(2, 1);
    expect(node.outcomes.get(2)).toEqual({ kind: "refused", refusal: { kind: "transfer-in-progress" } });
    for (let i = 0; i < 11; i += 1) {
      node.now += 100;
      node.step({ kind: "tick" });
      respond();
    }

    node.propose(3, 1);

    expect(node.outcomes.get(1)).toMatchObject({ refusal: { code: "transfer-failed" } });
    expect(node.accepted.map(({ request }) => request)).toEqual([3]);
  });

  test("rule 78: a transfer to a learner or a stranger is refused", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    leader.step({
      kind: "change",
      request: 1,
      changes: [{ kind: "add-learner", member: memberOf("d", { nonVoter: true }) }],
    });
    cluster.run(500);
    leader.step({ kind: "transfer", request: 2, to: keyOf("d") });
    leader.step({ kind: "transfer", request: 3, to: keyOf("x") });

    expect(leader.outcomes.get(2)).toMatchObject({ refusal: { code: "invalid-target" } });
    expect(leader.outcomes.get(3)).toMatchObject({ refusal: { code: "unknown-member" } });
    expect(leader.status.isTransferring).toBe(false);
  });

  test("rule 78: a transfer ends with the role, and the flag does not survive re-election", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const [target] = cluster.followers();
    leader.step({ kind: "transfer", request: 1, to: target?.key ?? "" });
    cluster.run(500);
    expect(cluster.leader).toBe(target);
    expect(leader.outcomes.get(1)).toEqual({ kind: "ok" });

    const again = cluster.electNode(leader.id);
    again.propose(2, 1);

    expect(again.status.isTransferring).toBe(false);
    expect(again.accepted).toHaveLength(1);
  });

  test("rule 79: a transfer skips the pre-vote and passes the voters' loyalty", () => {
    const { node, sent } = lonelyNode("a", bootstrappedDisk(THREE));
    node.hear("b", 2, append(node));
    node.hear("b", 2, { kind: "timeout-now", requireIndex: 1, requireTerm: 1 });
    node.flush();

    expect(ofKind(sent, "pre-vote")).toEqual([]);
    expect(ofKind(sent, "vote").map(({ transfer }) => transfer)).toEqual([true, true]);

    const voter = lonelyNode("c", bootstrappedDisk(THREE));
    voter.node.hear("b", 2, append(voter.node));
    voter.node.hear("a", 3, vote(1, 1, true));
    voter.node.flush();
    expect(lastOfKind(voter.sent, "vote-reply")?.granted).toBe(true);
  });

  test("rule 80: a refused proposal appended nothing; one that was appended is never refused", () => {
    const disk = bootstrappedDisk(membershipOf(["a"]));
    const { node } = lonelyNode("a", disk, { limits: { ...LIMITS, unappliedBytesMax: 200 } });
    node.flush();
    node.flush();
    for (let request = 1; request <= 10; request += 1) node.propose(request, request);
    const refused = [...node.outcomes.keys()];

    expect(node.accepted.length).toBeGreaterThan(0);
    expect(refused.length).toBeGreaterThan(0);
    expect(node.accepted.map(({ request }) => request)).not.toContainAnyValues(refused);
    expect(node.status.lastIndex).toBe(2 + node.accepted.length);
    for (const outcome of node.outcomes.values()) {
      expect(outcome).toEqual({ kind: "refused", refusal: { kind: "overloaded" } });
    }

    node.flush();
    node.apply();
    node.propose(99, 1);
    expect(node.accepted.at(-1)?.request).toBe(99);
  });

  test("rule 80: a membership change whose leader is lost is unknown, not refused", () => {
    const { node, term } = settledLeader();
    node.step({ kind: "change", request: 1, changes: [{ kind: "add-learner", member: memberOf("d") }] });
    node.hear("b", term + 1, { kind: "stale-term" });
    expect(node.outcomes.get(1)).toEqual({ kind: "unknown" });
  });

  test("rule 82: after a restart entries that were applied are not handed out again", () => {
    const disk = diskWith(membershipOf(["a"]), [2, 2]);
    const { node } = lonelyNode("a", disk, { commitHint: 3 });
    expect(node.core.committedEntries(3, 1000).length).toBe(1);
    node.step({ kind: "applied", index: 3 });
    expect(node.core.committedEntries(4, 1000)).toEqual([]);
    node.step({ kind: "applied", index: 2 });
    expect(node.status.applied).toBe(3);
  });

  test("rule 83: a leader whose disk does not answer hands over at half an election timeout", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    cluster.stalled.add(leader.id);
    leader.propose(1, 1);

    cluster.run(700);

    expect(cluster.leader).not.toBe(leader);
    expect(cluster.leader?.marks("transfer-obeyed")).toBe(1);
    cluster.stalled.clear();
    cluster.run(500);
    expect(leader.applied.at(-1)?.index).toBe(cluster.leader?.status.lastIndex);
  });

  test("rule 83: with nobody to take over it steps down after a whole election timeout", () => {
    const { node, term } = settledLeader();
    node.propose(1, 1);
    for (let i = 0; i < 11; i += 1) {
      node.now += 100;
      node.step({ kind: "tick" });
      node.hear("b", term, appendReply({ match: 2, round: node.lastRound }));
    }
    expect(node.status.role).toBe("follower");
    expect(node.marks("disk-watchdog")).toBe(1);
  });

  test("rule 84: a core that was never bootstrapped has no membership, and makes none up", () => {
    const core = lonelyNode("a", { ...bootstrappedDisk(THREE), entries: [], hard: { term: 0, vote: undefined } }).node;
    core.now = 60_000;
    core.step({ kind: "tick" });
    expect(core.status).toMatchObject({ term: 0, lastIndex: 0 });
    expect(core.status.membership.members.size).toBe(0);
  });

  test("rule 85: a one-way cut converges to a leader that all but the deaf follow", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const [deaf] = cluster.followers();
    // The leader hears it, but it does not hear the leader.
    cluster.cut.add(`${leader.id}>${deaf?.id}`);
    cluster.run(10_000);
    const { term } = cluster.leader?.status ?? { term: 0 };
    cluster.run(10_000);

    cluster.leader?.propose(1, 1);
    cluster.run(200);

    expect(cluster.leader?.status.term).toBe(term);
    expect(cluster.leader?.status.applied).toBe(cluster.leader?.status.lastIndex ?? -1);
  });

  test("rule 86: the chain starts from cluster and epoch, so a log of another epoch never fits", () => {
    const disk = bootstrappedDisk(THREE);
    const { node } = lonelyNode("a", disk);
    node.hear("b", 2, append(node, { prevChain: 4711 }));
    expect(node.observed.at(-1)).toMatchObject({ kind: "diverged", index: 1 });
  });

  test("rule 87: nodes that start elections together end in bounded rounds", () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const cluster = new Cluster(["a", "b", "c", "d", "e"], seed);
      cluster.run(10_000);
      expect(cluster.leader?.status.term).toBeLessThanOrEqual(6);
    }
  });
});

describe("fast failover", () => {
  test("a leader that is known gone is replaced within 300 ms", () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const cluster = new Cluster(["a", "b", "c"], seed);
      const leader = cluster.elect();
      const { key, boot } = leader;
      cluster.crash(leader.id);
      for (const node of cluster.nodes.values()) node.step({ kind: "leader-gone", key, boot });

      cluster.run(300);

      expect(cluster.leader?.status.role).toBe("leader");
    }
  });

  test("a connection that is merely closed starts no election", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const { term } = leader.status;
    for (const node of cluster.followers()) node.step({ kind: "peer-down", key: leader.key, boot: leader.boot });
    cluster.run(5000);
    expect(leader.status).toMatchObject({ role: "leader", term });
  });

  test("a goodbye of a stopping leader without a fit successor is as good as known gone", () => {
    const { node } = lonelyNode("a", bootstrappedDisk(THREE));
    node.hear("b", 2, append(node));
    node.flush();
    node.hear("b", 2, { kind: "goodbye" });
    expect(node.marks("leader-known-gone")).toBe(1);
    expect(node.nextWake).toBeLessThanOrEqual(node.now + 50);
  });

  test("a stopping leader hands over, and takes no proposals", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    leader.step({ kind: "stop" });
    leader.propose(1, 1);
    cluster.run(200);
    expect(leader.outcomes.get(1)).toMatchObject({ refusal: { kind: "stopping" } });
    expect(cluster.leader?.id).not.toBe(leader.id);
  });

  test("a leader with a full disk hands over, refuses writes, and leads again when there is space", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    leader.step({ kind: "disk-full", full: true });
    leader.propose(1, 1);
    cluster.run(500);
    expect(leader.outcomes.get(1)).toMatchObject({ refusal: { kind: "disk-full" } });
    expect(cluster.leader?.id).not.toBe(leader.id);
    leader.step({ kind: "disk-full", full: false });
    expect(cluster.electNode(leader.id)).toBe(leader);
  });

  test("a pause of the leader's process is not held against its followers", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const now = leader.now + 800;
    leader.now = now;

    leader.step({ kind: "tick" });

    expect(leader.marks("late-tick")).toBe(1);
    expect(leader.status.role).toBe("leader");
  });
});

describe("random faults", () => {
  test("random faults break no promise, and a healed cluster goes on (rules 2, 19, 20, 21, 25, 69)", () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const run = () => fuzz(seed, 60);
      expect(run, `seed ${seed}`).not.toThrow();
    }
  });
});
