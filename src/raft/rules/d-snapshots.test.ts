import { describe, expect, test } from "bun:test";
import { encodeMembership } from "../membership-codec.ts";
import type { SnapshotMeta } from "../snapshot-meta.ts";
import { Cluster, lonelyNode, TestNode } from "../testing/cluster.ts";
import { emptyDisk, entryAfter, keyOf, LIMITS, memberOf, membershipOf, optionsFor } from "../testing/fixtures.ts";
import { append, appendReply, diskWith, lastOfKind, leaderOf, metaAt, ofKind } from "../testing/messages.ts";

const THREE = membershipOf(["a", "b", "c"]);

function receiveSnapshot(node: TestNode, meta: SnapshotMeta, term: number): void {
  node.step({ kind: "snapshot-received", from: keyOf("b"), term, session: 1, meta });
}

describe("D. snapshots, compaction", () => {
  test("rule 55: a snapshot whose last entry is in the log keeps the suffix and moves commit", () => {
    const disk = diskWith(THREE, [2, 2, 2]);
    const { node, sent } = lonelyNode("a", disk);
    const chain = disk.entries[2]?.chain ?? 0;

    receiveSnapshot(node, metaAt(3, 2, THREE, { chain }), 2);

    expect(node.status).toMatchObject({ lastIndex: 4, commit: 3, firstIndex: 1 });
    expect(lastOfKind(sent, "snapshot-reply")).toMatchObject({ ok: true, index: 3 });
  });

  test("rule 55: a snapshot whose last entry differs from ours discards the whole log", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, [2, 2, 2]));

    receiveSnapshot(node, metaAt(3, 3, THREE), 3);
    expect(sent).toEqual([]);
    node.flush();

    expect(node.status).toMatchObject({
      lastIndex: 3,
      lastTerm: 3,
      firstIndex: 4,
      commit: 3,
      applied: 3,
      durableIndex: 3,
    });
    expect(lastOfKind(sent, "snapshot-reply")).toMatchObject({ ok: true, index: 3 });
  });

  test("rule 56: a snapshot at or below commit is answered and ignored", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, [2, 2, 2]));
    node.hear("b", 2, append(node, { commit: 4 }));

    receiveSnapshot(node, metaAt(3, 2, THREE), 2);

    expect(node.status).toMatchObject({ lastIndex: 4, commit: 4, firstIndex: 1 });
    expect(node.pending).toEqual([]);
    expect(lastOfKind(sent, "snapshot-reply")).toMatchObject({ ok: true, index: 4 });
  });

  test("rule 57: the snapshot's membership replaces ours, a stale one does not survive", () => {
    const { node } = lonelyNode("a", diskWith(THREE, [2]));
    node.hear("b", 2, append(node, { commit: 2 }));

    receiveSnapshot(node, metaAt(9, 3, membershipOf(["b", "d"]), { membershipIndex: 7 }), 3);

    expect(node.status.membership.voters).toEqual([keyOf("b"), keyOf("d")]);
    expect(node.status).toMatchObject({ membershipIndex: 7, committedMembershipIndex: 7, role: "removed" });
  });

  test("rule 58: the log reset and the term are one write, before the answer and the state machine", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, [2]));

    const effects = node.step({
      kind: "snapshot-received",
      from: keyOf("b"),
      term: 3,
      session: 1,
      meta: metaAt(9, 3, THREE),
    });

    expect(effects.persist).toMatchObject({ hard: { term: 3, vote: undefined }, reset: { index: 9 } });
    expect(effects.installSnapshot?.index).toBe(9);
    expect(effects.send[0]?.after).toBe(effects.persist?.ticket);
    expect(node.status.durableIndex).toBe(0);
    expect(sent).toEqual([]);
  });

  test("rule 58: a restart from the reset log goes on behind the snapshot", () => {
    const disk = diskWith(THREE, [2]);
    const { node } = lonelyNode("a", disk);
    receiveSnapshot(node, metaAt(9, 3, THREE), 3);
    node.flush();

    const again = lonelyNode("a", disk);

    expect(again.node.status).toMatchObject({ term: 3, lastIndex: 9, commit: 9, applied: 9, membershipIndex: 1 });
  });

  test("rule 59: nothing is applied, and nothing campaigns, while a snapshot is being installed", () => {
    const { node } = lonelyNode("a", diskWith(THREE, [2]));
    const meta = metaAt(9, 3, THREE);
    receiveSnapshot(node, meta, 3);
    const next = entryAfter({ index: 9, chain: meta.chain, time: 0 }, { term: 3 });
    node.hear("b", 3, append(node, { prevIndex: 9, entries: [next], commit: 10 }));

    expect(node.core.committedEntries(10, 1000)).toEqual([]);
    node.now = 10_000;
    node.step({ kind: "tick" });
    expect(node.status.role).toBe("follower");
    node.flush();
    expect(node.core.committedEntries(10, 1000)).toHaveLength(1);
  });

  test("rule 59: a read that waits for the leader when a snapshot is installed is asked again", () => {
    const { node } = lonelyNode("a", diskWith(THREE, [2]));
    node.hear("b", 3, append(node));
    node.step({ kind: "read", request: 1 });

    receiveSnapshot(node, metaAt(9, 3, THREE), 3);

    expect(node.outcomes.get(1)).toEqual({ kind: "retry" });
  });

  test("rule 60: a follower behind a purged log gets a snapshot and then the rest", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const [slow] = cluster.followers();
    cluster.isolate(slow?.id ?? "");
    for (let i = 0; i < 10; i += 1) leader.propose(i, i);
    cluster.run(500);
    leader.compact();
    leader.flush();
    leader.propose(99, 1);
    cluster.heal();

    cluster.run(500);
    expect(leader.snapshotOrders).toHaveLength(1);
    cluster.carrySnapshots();
    cluster.run(500);

    expect(slow?.status).toMatchObject({ firstIndex: leader.status.firstIndex, applied: leader.status.lastIndex });
  });

  test("rule 60: appends that were all lost do not hide that the follower needs a snapshot", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const [slow] = cluster.followers();
    cluster.isolate(slow?.id ?? "");
    // More than may be in flight: the leader waits for answers that will never come.
    for (let i = 0; i < 300; i += 1) {
      leader.propose(i, i);
      cluster.run(1);
    }
    leader.compact();
    leader.flush();
    cluster.heal();

    cluster.run(500);
    leader.propose(999, 1);
    cluster.run(500);

    expect(leader.snapshotOrders.length).toBeGreaterThan(0);
  });

  for (const snapshotSendsMax of [1, 2]) {
    test(`as many snapshots are sent at once as the options allow: ${snapshotSendsMax}`, () => {
      const cluster = new Cluster(["a", "b", "c", "d", "e"], 1, { limits: { ...LIMITS, snapshotSendsMax } });
      const leader = cluster.elect();
      for (const slow of cluster.followers().slice(0, 2)) cluster.isolate(slow.id);
      for (let i = 0; i < 10; i += 1) leader.propose(i, i);
      cluster.run(500);
      leader.compact();
      leader.flush();
      cluster.heal();

      cluster.run(500);
      expect(leader.snapshotOrders).toHaveLength(snapshotSendsMax);
    });
  }

  test("rule 61: a failed transfer is tried again, not at once and not never", () => {
    const { node, term } = compactedLeader();
    const order = node.snapshotOrders[0];
    node.step({ kind: "snapshot-sent", to: keyOf("c"), session: order?.session ?? 0, ok: false });
    const keepAlive = () => {
      node.now += 100;
      node.step({ kind: "tick" });
      const round = node.lastRound;
      node.hear("b", term, appendReply({ match: node.status.lastIndex, round, session: 1 }));
    };
    for (let i = 0; i < 9; i += 1) keepAlive();
    expect(node.snapshotOrders).toHaveLength(1);

    for (let i = 0; i < 3; i += 1) keepAlive();

    expect(node.snapshotOrders).toHaveLength(2);
  });

  test("rule 61: the state snapshot ends when the follower answers that it has one", () => {
    const { node, term } = compactedLeader();
    const order = node.snapshotOrders[0];
    const index = node.status.snapshotIndex;

    node.hear("c", term, { kind: "snapshot-reply", session: order?.session ?? 0, index, ok: true });

    expect(node.status.peers.find(({ key }) => key === keyOf("c"))).toMatchObject({ match: index, state: "probe" });
    expect(node.snapshotCancels).toHaveLength(1);
  });

  test("rule 62: while a transfer runs neither a newer snapshot nor compaction disturbs it; another term ends it", () => {
    const { node, term } = compactedLeader();
    node.propose(50, 1, 2, 3);
    node.flush();
    node.hear("b", term, appendReply({ match: node.status.lastIndex, round: node.lastRound, session: 1 }));
    node.apply();
    const { firstIndex } = node.status;

    node.compact();
    node.flush();
    expect(node.snapshotOrders).toHaveLength(1);
    expect(node.status.firstIndex).toBe(firstIndex);

    node.hear("b", term + 1, { kind: "stale-term" });
    expect(node.snapshotCancels.map(({ to }) => to)).toEqual([keyOf("c")]);
  });

  test("rule 62: a snapshot that comes twice is answered twice", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, [2]));
    receiveSnapshot(node, metaAt(9, 3, THREE), 3);
    receiveSnapshot(node, metaAt(9, 3, THREE), 3);
    node.flush();
    expect(ofKind(sent, "snapshot-reply").map(({ index }) => index)).toEqual([9, 9]);
    expect(node.marks("snapshot-installed")).toBe(1);
  });

  test("rule 63: a snapshot carries the membership at its own index, not the latest", () => {
    const disk = diskWith(THREE, [2]);
    const data = encodeMembership(membershipOf(["a", "b", "c", "d"]));
    disk.entries.push(entryAfter(disk.entries.at(-1), { term: 2, kind: "membership", data }));
    const { node } = lonelyNode("a", disk);

    expect(node.core.membershipAt(2)).toMatchObject({ index: 1 });
    expect(node.core.membershipAt(3)).toMatchObject({ index: 3 });
  });

  test("rule 64: compaction never goes beyond what was asked, applied and is on disk", () => {
    const { node, term } = leaderOf();
    node.propose(1, 1, 2, 3);
    node.hear("b", term, appendReply({ match: 5 }));
    node.flush();
    node.apply();
    const meta = metaAt(5, term, THREE, { origin: "local" });

    node.step({ kind: "snapshot-taken", meta, compactTo: 3 });
    expect(node.status.firstIndex).toBe(4);
    node.step({ kind: "snapshot-taken", meta, compactTo: 99 });
    expect(node.status.firstIndex).toBe(6);
  });

  test("rule 65: a snapshot of another cluster leaves everything as it is", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, [2]));

    receiveSnapshot(node, metaAt(9, 3, THREE, { clusterId: "ffffffffffffffffffffffffffffffff" }), 3);

    expect(node.status).toMatchObject({ term: 2, lastIndex: 2 });
    expect(sent).toEqual([]);
  });

  test("rule 66: purged ≤ snapshot ≤ applied ≤ commit ≤ last, else the step throws", () => {
    const { node } = leaderOf();
    expect(() => node.step({ kind: "applied", index: 2 })).toThrow("Nothing uncommitted may be applied");
    const disk = diskWith(THREE, [2]);
    const options = optionsFor("a", disk, { applied: 2 });
    expect(() => new TestNode(options, disk, () => undefined)).toThrow("Only what is committed may be applied");
  });

  test("a joining node with an empty log takes the membership from the snapshot", () => {
    const { node } = lonelyNode("d", emptyDisk());
    const membership = membershipOf(["a", "b", "c"], ["d"]);

    receiveSnapshot(node, metaAt(9, 3, membership, { membershipIndex: 4 }), 3);
    node.flush();

    expect(node.status).toMatchObject({ role: "learner", commit: 9, membershipIndex: 4 });
    expect(node.status.membership.members.get(keyOf("a"))).toEqual(memberOf("a"));
  });
});

/** A leader with a compacted log that sends c a snapshot, while b follows. */
function compactedLeader(): { readonly node: TestNode; readonly term: number } {
  const { node, term } = leaderOf();
  node.propose(1, 1, 2, 3);
  node.flush();
  node.hear("b", term, appendReply({ match: 5, round: node.lastRound }));
  node.apply();
  node.compact();
  node.flush();
  node.hear("c", term, appendReply({ ok: false, match: 1, session: 2, round: node.lastRound }));
  node.now += 100;
  node.step({ kind: "tick" });
  expect(node.snapshotOrders).toHaveLength(1);
  return { node, term };
}
