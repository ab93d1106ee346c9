import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../base/index.ts";
import { decodeCheck, encodeCheck } from "./pair-seq.ts";
import { Cluster, lonelyNode, type TestNode } from "./testing/cluster.ts";
import { bootOf, CLUSTER_ID, entryAfter, EPOCH, keyOf, membershipOf, type Disk } from "./testing/fixtures.ts";
import { append, appendReply, diskWith, lastOfKind, leaderOf, metaAt, ofKind, vote } from "./testing/messages.ts";

const THREE = membershipOf(["a", "b", "c"]);
const B = keyOf("b");
/** What an earlier process of b acknowledged. */
const PROMISED = { key: B, boot: bootOf("b"), seq: 40 };

function hello(node: TestNode, key: MemberKey, boot: string, seq: number): void {
  node.step({ kind: "hello", key, boot, seq, version: "1", commandVersion: 1 });
}

/** A log of {a,b,c} that says what b promised. */
function diskThatKnows(): Disk {
  const disk = diskWith(THREE, []);
  disk.entries.push(entryAfter(disk.entries.at(-1), { term: 1, kind: "check", data: encodeCheck([PROMISED]) }));
  return disk;
}

function copyOf(disk: Disk): Disk {
  return { ...disk, entries: [...disk.entries] };
}

describe("a data folder that was put back to an older copy", () => {
  test("is found by a follower that has it from the log, and its vote does not count", () => {
    const { node, sent } = lonelyNode("a", diskThatKnows());

    hello(node, B, "again", 39);
    node.now = node.nextWake;
    node.step({ kind: "tick" });
    const ask = { clusterId: CLUSTER_ID, epoch: EPOCH, from: B, fromBoot: "again", to: node.key };
    node.receive({ ...ask, term: 2, kind: "pre-vote-reply", round: node.preVoteRound, granted: true });

    expect(lastOfKind(sent, "replaced")).toMatchObject({ to: B, reason: "rolled-back", boot: "again" });
    expect(node.status.role).toBe("pre-candidate");
  });

  test("gets no vote and no entries, and is told again when it asks", () => {
    const { node, sent } = lonelyNode("a", diskThatKnows());
    hello(node, B, "again", 39);
    sent.length = 0;

    const ask = { clusterId: CLUSTER_ID, epoch: EPOCH, from: B, fromBoot: "again", to: node.key, term: 9 };
    node.receive({ ...ask, ...vote(8, 100) });

    expect(sent.map(({ kind }) => kind)).toEqual(["replaced"]);
  });

  test("is found whichever comes first, the greeting or the entry that tells", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, []));
    hello(node, B, "again", 39);
    expect(ofKind(sent, "replaced")).toEqual([]);

    const last = node.disk.entries.at(-1);
    const entries = [entryAfter(last, { term: 1, kind: "check", data: encodeCheck([PROMISED]) })];
    node.hear("c", 1, append(node, { entries }));

    expect(lastOfKind(sent, "replaced")).toMatchObject({ to: B, boot: "again" });
  });

  test("is found also when more is known of what it wrote since than of what was promised before", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, []));
    hello(node, B, "again", 39);
    const written = { ...PROMISED, boot: "again", seq: 41 };
    for (const told of [written, PROMISED]) {
      const last = node.disk.entries.at(-1);
      const entries = [entryAfter(last, { term: 1, kind: "check", data: encodeCheck([told]) })];
      node.hear("c", 1, append(node, { entries }));
      node.flush();
    }

    expect(lastOfKind(sent, "replaced")).toMatchObject({ to: B, boot: "again" });
  });

  test("is found from a snapshot, received or found at the start", () => {
    const meta = metaAt(5, 1, THREE, { seqs: [PROMISED] });
    const received = lonelyNode("a", diskWith(THREE, []));
    hello(received.node, B, "again", 39);
    received.node.step({ kind: "snapshot-received", from: keyOf("c"), term: 1, session: 1, meta });
    expect(ofKind(received.sent, "replaced")).toHaveLength(1);

    const { index, term, chain, time } = meta;
    const disk = { ...diskWith(THREE, []), base: { index, term, chain, time }, entries: [], snapshot: meta };
    const found = lonelyNode("a", disk);
    hello(found.node, B, "again", 39);
    expect(ofKind(found.sent, "replaced")).toHaveLength(1);
  });

  test("is no folder that kept its promises, nor a process that goes on", () => {
    const { node, sent } = lonelyNode("a", diskThatKnows());

    hello(node, B, "again", 40);
    hello(node, B, PROMISED.boot, 12);

    expect(ofKind(sent, "replaced")).toEqual([]);
  });

  test("does not burden a later process of the pair whose folder is whole", () => {
    const { node, term } = leaderOf();
    node.hear("b", term, appendReply({ match: 1, seq: 40 }));
    hello(node, B, "stale", 39);

    hello(node, B, "whole", 41);
    const from = { clusterId: CLUSTER_ID, epoch: EPOCH, from: B, fromBoot: "whole", to: node.key, term };
    node.receive({ ...from, ...appendReply({ match: 2, session: 4 }) });

    expect(node.status.commit).toBe(2);
  });

  test("accuses nobody by what a message hints, and nobody whose loss would stop the cluster", () => {
    const { node, sent, term } = leaderOf(["a", "b"]);
    node.hear("b", term, appendReply({ match: 2, seq: 40 }));
    node.hear("b", term, appendReply({ ok: false, match: 2, seq: 12 }));
    hello(node, B, "again", 39);

    expect(ofKind(sent, "replaced")).toEqual([]);
    expect(node.marks("rolled-back-not-accused")).toBe(1);
  });

  test.each(["accused by nobody as nobody could stand in for it", "recognised by nobody"])(
    "is filled up again when %s",
    (how) => {
      const isRecognised = how.startsWith("accused");
      const cluster = new Cluster(isRecognised ? ["a", "b"] : ["a", "b", "c"]);
      const leader = cluster.electNode("a");
      const old = copyOf(cluster.node("b").disk);
      leader.propose(1, 1, 2, 3);
      cluster.settle();
      if (isRecognised) cluster.run(1000);
      cluster.crash("b");

      const b = cluster.start("b", old);
      leader.propose(2, 4);
      cluster.run(1000);

      expect(leader.marks("rolled-back-not-accused")).toBe(Number(isRecognised));
      expect(b.disk.entries).toEqual(leader.disk.entries);
      expect(b.applied.filter(({ kind }) => kind === "command")).toHaveLength(4);
    },
  );

  test("stops the process that is meant, and no other", () => {
    const { node } = lonelyNode("b", diskWith(THREE, []));
    const told = { kind: "replaced", reason: "rolled-back", at: 7 } as const;

    node.hear("a", 1, { ...told, boot: "another" });
    expect(node.observed.some(({ kind }) => kind === "distrusted")).toBe(false);

    node.hear("a", 1, { ...told, boot: node.boot });
    expect(node.observed.find(({ kind }) => kind === "distrusted")).toMatchObject({ reason: "rolled-back" });
  });
});

describe("what the disks promised", () => {
  test("is in every log, soon after a write, and an idle log does not grow", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    leader.propose(1, 1);
    cluster.run(5000);
    const { lastIndex } = leader.status;
    cluster.run(20_000);

    expect(leader.status.lastIndex).toBe(lastIndex);
    for (const { disk } of cluster.nodes.values()) {
      const told = disk.entries.findLast(({ kind }) => kind === "check");
      expect(decodeCheck(told?.data ?? new Uint8Array(0)).map(({ key }) => key)).toEqual([keyOf("a"), B, keyOf("c")]);
    }
  });

  test("outlives the leader: an old copy and a follower that lags elect nobody (attack 1.8)", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.electNode("a");
    const old = copyOf(cluster.node("b").disk);
    leader.propose(1, 1);
    cluster.run(5000);
    cluster.isolate("c");
    leader.propose(2, 2);
    cluster.settle();
    expect(leader.applied.some(({ kind, data }) => kind === "command" && data[0] === 2)).toBe(true);

    cluster.crash("a");
    cluster.crash("b");
    cluster.heal();
    const b = cluster.start("b", old);
    cluster.run(20_000);

    expect(cluster.leader).toBeUndefined();
    expect(b.observed.some(({ kind }) => kind === "distrusted")).toBe(true);
  });

  test("is kept of a member whose removal may be undone yet", () => {
    const { node, term } = leaderOf();
    node.hear("b", term, appendReply({ match: 2, seq: 40, round: node.lastRound }));
    node.hear("c", term, appendReply({ match: 2, session: 2, round: node.lastRound }));

    node.step({ kind: "change", request: 1, changes: [{ kind: "remove", key: B }] });

    expect(node.status.membership.members.has(B)).toBe(false);
    expect(node.core.memberSeqs()).toContainEqual(PROMISED);
  });

  test("survives compaction in the snapshot", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.electNode("a");
    leader.propose(1, 1);
    cluster.run(5000);
    const c = cluster.node("c");
    c.compact();
    c.flush();
    expect(c.disk.entries).toEqual([]);

    const again = cluster.restart("c");

    expect(again.core.memberSeqs().map(({ key }) => key)).toEqual([keyOf("a"), B, keyOf("c")]);
  });
});
