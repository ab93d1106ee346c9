import { describe, expect, test } from "bun:test";
import { Cluster, lonelyNode } from "../testing/cluster.ts";
import { bootOf, bootstrappedDisk, keyOf, LIMITS, membershipOf } from "../testing/fixtures.ts";
import {
  append,
  appendReply,
  diskWith,
  entriesAfter,
  lastOfKind,
  leaderOf,
  metaAt,
  ofKind,
} from "../testing/messages.ts";

const THREE = membershipOf(["a", "b", "c"]);

describe("B. log replication and commit", () => {
  test("rule 19: an entry of an older term commits only with one of the leader's own", () => {
    const { node, term } = leaderOf(["a", "b", "c"], [2, 2]);

    node.hear("b", term, appendReply({ match: 3 }));
    expect(node.status.commit).toBe(0);
    node.hear("b", term, appendReply({ match: 4 }));
    expect(node.status.commit).toBe(4);
  });

  test("rule 20: the leader counts itself only when its own disk has the entry", () => {
    const { node, term } = leaderOf();
    node.hear("b", term, appendReply({ match: 2 }));
    node.propose(1, 7);

    node.hear("b", term, appendReply({ match: 3 }));
    expect(node.status.commit).toBe(2);
    node.flush();
    expect(node.status.commit).toBe(3);
  });

  test("rule 20: a sole voter commits at its ticket, not before", () => {
    const { node } = lonelyNode("a", bootstrappedDisk(membershipOf(["a"])));
    node.flush();
    node.flush();
    node.propose(1, 7);
    expect(node.status.commit).toBe(2);

    node.flush();

    expect(node.status.commit).toBe(3);
  });

  test("rule 21: a follower acknowledges an entry when it is on its disk", () => {
    const disk = bootstrappedDisk(THREE);
    const { node, sent } = lonelyNode("a", disk);

    node.hear("b", 2, append(node, { entries: entriesAfter(disk, 1, [2, 2]) }));
    expect(sent).toEqual([]);
    node.hear("b", 2, append(node, { prevIndex: 3, round: 2 }));
    expect(sent).toEqual([]);
    node.flush(1);

    expect(ofKind(sent, "append-reply").map(({ match }) => match)).toEqual([3, 1]);
  });

  test("rule 21: a heartbeat is answered at once, with what is on disk", () => {
    const disk = diskWith(THREE, [2]);
    const { node, sent } = lonelyNode("a", disk);

    node.hear("b", 2, append(node, { entries: entriesAfter(disk, 2, [2, 2]) }));
    node.hear("b", 2, append(node, { prevIndex: 4, round: 2 }));

    expect(ofKind(sent, "append-reply").map(({ match, round }) => ({ match, round }))).toEqual([
      { match: 2, round: 2 },
    ]);
  });

  test("rule 22: the ticket of an overwritten entry does not make its successor durable", () => {
    const disk = diskWith(THREE, [2]);
    const { node, sent } = lonelyNode("a", disk);
    node.hear("b", 2, append(node, { entries: entriesAfter(disk, 2, [2, 2]) }));
    node.hear("c", 3, append(node, { prevIndex: 2, entries: entriesAfter(disk, 2, [3, 3], 8) }));

    node.flush(1);
    expect(node.status.durableIndex).toBe(2);
    expect(ofKind(sent, "append-reply")).toEqual([]);
    node.flush(1);

    expect(node.status.durableIndex).toBe(4);
    expect(ofKind(sent, "append-reply").map(({ term, match }) => ({ term, match }))).toEqual([{ term: 3, match: 4 }]);
  });

  test("rule 23: a follower commits no further than what the append proved equal", () => {
    const disk = diskWith(THREE, [2, 2, 2]);
    const { node } = lonelyNode("a", disk);

    node.hear("b", 4, append(node, { prevIndex: 2, commit: 4 }));
    expect(node.status.commit).toBe(2);
    node.hear("b", 4, append(node, { prevIndex: 2, entries: disk.entries.slice(2, 3), commit: 4 }));
    expect(node.status.commit).toBe(3);
  });

  test("rule 24: a heartbeat never advances commit past what the follower is known to hold", () => {
    const { node, sent, term } = leaderOf(["a", "b", "c"], [2, 2, 2]);
    node.hear("b", term, appendReply({ match: 5 }));
    node.now += 100;
    node.step({ kind: "tick" });

    const heartbeat = ofKind(sent, "append").findLast(({ to }) => to === keyOf("c"));
    expect(heartbeat?.commit).toBe(5);
    // c has other entries from 3 on: the heartbeat must not commit those.
    const disk = diskWith(THREE, [2, 3, 3, 3]);
    const other = lonelyNode("c", disk);
    if (heartbeat !== undefined) other.node.receive(heartbeat);
    expect(other.node.status.commit).toBe(0);
  });

  test("rule 25: a shorter or older append that matches truncates nothing", () => {
    const disk = diskWith(THREE, [2, 2, 2, 2]);
    const { node } = lonelyNode("a", disk);

    node.hear("b", 2, append(node, { prevIndex: 2, entries: disk.entries.slice(2, 3) }));

    expect(node.status.lastIndex).toBe(5);
    expect(node.observed.filter(({ kind }) => kind === "truncated")).toEqual([]);
  });

  test("rule 25: a real conflict truncates from there on, on disk in the same write as the new entries", () => {
    const disk = diskWith(THREE, [2, 2, 2, 2]);
    const { node } = lonelyNode("a", disk);
    const entries = [...disk.entries.slice(2, 3), ...entriesAfter(disk, 3, [3])];

    node.hear("b", 3, append(node, { prevIndex: 2, entries }));

    expect(node.status).toMatchObject({ lastIndex: 4, lastTerm: 3, durableIndex: 3 });
    expect(node.pending.at(-1)).toMatchObject({ truncateFrom: 4, append: entries.slice(1) });
  });

  test("rule 26: a conflict at or below the commit index is fatal", () => {
    const disk = diskWith(THREE, [2, 2, 2]);
    const { node } = lonelyNode("a", disk);
    node.hear("b", 2, append(node, { commit: 4 }));

    const hear = () => node.hear("c", 3, append(node, { prevIndex: 2, entries: entriesAfter(disk, 2, [3]) }));

    expect(hear).toThrow("committed entry 3");
  });

  test("rule 27: an append from before the base is no conflict", () => {
    const disk = diskWith(THREE, [2, 2, 2]);
    const entries = disk.entries.slice(1);
    const prevChain = disk.entries[0]?.chain ?? 0;
    const { node, sent } = compacted(disk, 3);

    node.hear(
      "b",
      2,
      append(node, { prevIndex: 1, prevTerm: 1, prevChain, entries: [...entries, ...entriesAfter(disk, 4, [2])] }),
    );
    node.flush();

    expect(node.status.lastIndex).toBe(5);
    expect(lastOfKind(sent, "append-reply")).toMatchObject({ ok: true, match: 5 });
  });

  test("rule 28: probing goes back by terms, not by entries", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const old = cluster.elect();
    cluster.isolate(old.id);
    for (let i = 0; i < 200; i += 1) old.propose(100 + i, 1);
    cluster.run(5000);
    const next = cluster.leader;
    for (let i = 0; i < 200; i += 1) next?.propose(1000 + i, 2);
    cluster.settle();
    cluster.delivered.length = 0;
    cluster.heal();

    cluster.run(150);

    const refused = ofKind(cluster.delivered, "append-reply").filter(({ ok, from }) => !ok && from === old.key);
    expect(old.status.lastIndex).toBe(next?.status.lastIndex ?? -1);
    expect(refused.length).toBeLessThanOrEqual(2);
  });

  test("rule 29: a stale refusal is ignored, and what follows never falls to match or below", () => {
    const { node, term } = leaderOf(["a", "b", "c"], [2, 2, 2]);
    node.hear("b", term, appendReply({ match: 5 }));
    node.hear("b", term, appendReply({ ok: false, match: 3, hintIndex: 1, hintTerm: 1 }));
    const b = () => node.status.peers.find(({ key }) => key === keyOf("b"));
    expect(b()).toMatchObject({ match: 5, next: 6, state: "replicate" });

    node.propose(1, 7);
    node.hear("b", term, appendReply({ ok: false, match: 6, hintIndex: 1, hintTerm: 1 }));
    expect(b()).toMatchObject({ match: 5, next: 6, state: "probe" });
  });

  test("rule 30: an acknowledgement of another session does not count", () => {
    const { node, term } = leaderOf();
    node.step({
      kind: "hello",
      key: keyOf("b"),
      boot: bootOf("b"),
      seq: 1,
      version: "1",
      commandVersion: 1,
    });

    node.hear("b", term, appendReply({ match: 2, session: 1 }));
    expect(node.status.commit).toBe(0);
    expect(node.marks("ack-of-another-session")).toBe(1);
    node.hear("b", term, appendReply({ match: 2, session: 3, round: 2 }));
    expect(node.status.commit).toBe(2);
  });

  test("rule 30: a removed and re-added follower gets a new session", () => {
    const { node, sent, term } = leaderOf(["a", "b", "c"]);
    const before = ofKind(sent, "append").find(({ to }) => to === keyOf("c"))?.session;
    node.hear("b", term, appendReply({ match: 2 }));
    node.hear("c", term, appendReply({ match: 2, session: 2 }));
    expect(before).toBe(2);
    node.step({ kind: "change", request: 1, changes: [{ kind: "remove", key: keyOf("c") }] });

    node.hear("c", term, appendReply({ match: 3, session: 2 }));

    expect(node.status.commit).toBe(2);
    expect(node.marks("ack-of-another-session")).toBe(1);
  });

  test("rule 31: the commit index is the quorum function of all matches, in whatever order they come", () => {
    const { node, term } = leaderOf(["a", "b", "c", "d", "e"]);
    for (let i = 0; i < 5; i += 1) node.propose(i, i);
    node.flush();

    node.hear("b", term, appendReply({ match: 7, session: 1 }));
    expect(node.status.commit).toBe(0);
    node.hear("c", term, appendReply({ match: 3, session: 2 }));
    expect(node.status.commit).toBe(3);
    node.hear("d", term, appendReply({ match: 5, session: 3 }));
    expect(node.status.commit).toBe(5);
  });

  test("rule 32: nothing is in flight to a follower that acknowledged everything", () => {
    const limits = { ...LIMITS, inflightCountMax: 4 };
    const cluster = new Cluster(["a", "b", "c"], 3, { limits });
    const leader = cluster.elect();
    for (let i = 0; i < 50; i += 1) leader.propose(i, 1);

    cluster.run(200);

    // `check()` after every step holds the counters at zero; here the flow must not have stopped either.
    for (const peer of leader.status.peers) expect(peer.match).toBe(leader.status.lastIndex);
  });

  test("rule 32: a follower that does not answer gets a bounded number of appends", () => {
    const disk = bootstrappedDisk(THREE);
    const { node, sent } = lonelyNode("a", disk, { limits: { ...LIMITS, inflightCountMax: 4 } });
    lead(node);
    node.hear("b", node.status.term, appendReply({ match: 2 }));
    sent.length = 0;

    for (let i = 0; i < 20; i += 1) node.propose(i, 1);

    const toB = ofKind(sent, "append").filter(({ to, entries }) => to === keyOf("b") && entries.length > 0);
    expect(toB).toHaveLength(4);
  });

  test("rule 33: a follower leaves probing after one heartbeat round", () => {
    const { node, sent, term } = leaderOf();
    node.hear("b", term, appendReply({ match: 2 }));
    node.step({ kind: "peer-down", key: keyOf("b"), boot: bootOf("b") });
    const b = () => node.status.peers.find(({ key }) => key === keyOf("b"));
    expect(b()?.state).toBe("probe");
    node.propose(1, 7);
    node.propose(2, 8);
    sent.length = 0;
    node.now += 100;
    node.step({ kind: "tick" });
    const heartbeat = ofKind(sent, "append").findLast(({ to }) => to === keyOf("b"));

    node.hear("b", term, appendReply({ match: 2, round: heartbeat?.round ?? 0 }));

    expect(b()).toMatchObject({ state: "replicate", next: 5 });
  });

  test("rule 34: nothing leaves in a newer term once leadership is lost", () => {
    const { node, sent, term } = leaderOf();
    node.propose(1, 7);
    sent.length = 0;

    node.hear("b", term + 1, append(node, { prevIndex: 1, prevTerm: 1 }));
    node.step({ kind: "tick" });
    node.flush();

    expect(ofKind(sent, "append")).toEqual([]);
    expect(ofKind(sent, "append-reply").every((reply) => reply.term === term + 1)).toBe(true);
  });

  test("rule 35: entries that cannot be read from disk leave a follower's progress as it is", () => {
    const disk = diskWith(THREE, [2, 2, 2, 2]);
    const made = lonelyNode("a", disk, { limits: { ...LIMITS, cacheBytesMax: 60 } });
    lead(made.node);
    const before = disk.entries.splice(0);
    made.node.hear("b", made.node.status.term, appendReply({ ok: false, match: 5, hintIndex: 1, hintTerm: 1 }));
    const b = () => made.node.status.peers.find(({ key }) => key === keyOf("b"));

    expect(b()).toMatchObject({ match: 0, next: 2, state: "probe" });
    disk.entries.push(...before);
    made.node.now += 100;
    made.node.step({ kind: "tick" });
    expect(ofKind(made.sent, "append").findLast(({ to }) => to === keyOf("b"))?.entries[0]?.index).toBe(2);
  });

  test("rule 36: proposals are appended in order of acceptance, and never refused once appended", () => {
    const { node, term } = leaderOf();
    node.propose(1, 1, 2);
    node.propose(2, 3);

    node.hear("b", term + 1, { kind: "stale-term" });
    node.propose(3, 4);

    expect(node.accepted.map(({ request, index, count }) => ({ request, index, count }))).toEqual([
      { request: 1, index: 3, count: 2 },
      { request: 2, index: 5, count: 1 },
    ]);
    expect([...node.outcomes]).toEqual([[3, { kind: "refused", refusal: { kind: "not-leader", leader: undefined } }]]);
  });

  test("rule 37: a new leader appends an entry of its term at once", () => {
    const { node, sent, term } = leaderOf(["a", "b", "c"], [2]);

    expect(node.status).toMatchObject({ role: "leader", lastIndex: 3, lastTerm: term });
    for (const { entries } of ofKind(sent, "append")) {
      expect(entries.map(({ kind }) => kind)).toEqual(["noop"]);
    }
    expect(ofKind(sent, "append")).toHaveLength(2);
  });

  test("a silent divergence at equal index and term is reported and nothing is stored", () => {
    const disk = diskWith(THREE, [2, 2]);
    const { node, sent } = lonelyNode("a", disk);

    node.hear("b", 2, append(node, { prevIndex: 3, prevTerm: 2, prevChain: 12_345, entries: [] }));

    expect(node.observed.at(-1)).toEqual({ kind: "diverged", index: 3, term: 2, peer: keyOf("b") });
    expect(ofKind(sent, "append-reply")).toEqual([]);
  });

  test("entries whose chain does not follow are dropped", () => {
    const disk = diskWith(THREE, [2, 2]);
    const { node } = lonelyNode("a", disk);
    const [entry] = entriesAfter(disk, 3, [2]);
    if (entry === undefined) throw new Error("An entry must be made");

    node.hear("b", 2, append(node, { entries: [{ ...entry, data: new Uint8Array([99]) }] }));

    expect(node.status.lastIndex).toBe(3);
    expect(node.observed.at(-1)?.kind).toBe("dropped");
  });
});

function lead(node: ReturnType<typeof lonelyNode>["node"]): void {
  node.now = 5000;
  node.step({ kind: "tick" });
  const term = node.status.term + 1;
  node.hear("b", term, { kind: "pre-vote-reply", round: node.preVoteRound, granted: true });
  node.flush();
  node.hear("b", term, { kind: "vote-reply", granted: true });
  node.flush();
  expect(node.status.role).toBe("leader");
}

/** A node whose log was compacted up to `index`. */
function compacted(disk: ReturnType<typeof diskWith>, index: number): ReturnType<typeof lonelyNode> {
  const base = disk.entries[index - 1];
  if (base === undefined) throw new Error("The base must be in the log");
  const { term, chain, time } = base;
  const snapshot = metaAt(index, term, THREE, { chain, time, origin: "local" });
  const kept = { ...disk, base: { index, term, chain, time }, entries: disk.entries.slice(index), snapshot };
  return lonelyNode("a", kept);
}
