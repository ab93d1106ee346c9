import { describe, expect, test } from "bun:test";
import { memberKey, type MemberKey } from "../../base/index.ts";
import type { RequestOutcome } from "../effects.ts";
import { encodeMembership } from "../membership-codec.ts";
import type { MembershipChange } from "../membership.ts";
import { Cluster, lonelyNode, type TestNode } from "../testing/cluster.ts";
import {
  bootOf,
  bootstrappedDisk,
  CLUSTER_ID,
  emptyDisk,
  entryAfter,
  EPOCH,
  keyOf,
  memberOf,
  membershipOf,
  type Disk,
} from "../testing/fixtures.ts";
import { append, appendReply, campaign, diskWith, lastOfKind, leaderOf, ofKind, vote } from "../testing/messages.ts";

const THREE = membershipOf(["a", "b", "c"]);

let lastRequest = 100;

function change(node: TestNode, ...changes: readonly MembershipChange[]): number {
  lastRequest += 1;
  node.step({ kind: "change", request: lastRequest, changes });
  return lastRequest;
}

function codeOf(outcome: RequestOutcome | undefined): string {
  if (outcome?.kind !== "refused") return outcome?.kind ?? "none";
  return outcome.refusal.kind === "rejected" ? outcome.refusal.code : outcome.refusal.kind;
}

/** The leader a of {a,b,c}: its first entry is committed, b and c answered the last round. */
function settledLeader(): ReturnType<typeof leaderOf> {
  const made = leaderOf();
  const { node, term } = made;
  node.hear("b", term, appendReply({ match: 2, session: 1 }));
  node.hear("c", term, appendReply({ match: 2, session: 2 }));
  expect(node.status.commit).toBe(2);
  return made;
}

function membershipEntries(cluster: Cluster): number {
  const entries = cluster.leader?.disk.entries ?? [];
  return entries.filter(({ kind }) => kind === "membership").length;
}

function join(cluster: Cluster, id: string, incarnation = "0000000000000001"): TestNode {
  return cluster.start(id, emptyDisk(), memberKey(id, incarnation));
}

function withMembership(disk: Disk, ...ids: readonly string[]): Disk {
  const data = encodeMembership(membershipOf(ids));
  disk.entries.push(entryAfter(disk.entries.at(-1), { term: disk.hard.term, kind: "membership", data }));
  return disk;
}

describe("C. membership", () => {
  test("rule 38: no change before an entry of the current term is committed", () => {
    const { node } = leaderOf();
    const outcome = change(node, { kind: "add-learner", member: memberOf("d") });
    expect(codeOf(node.outcomes.get(outcome))).toBe("no-own-term-commit");
    expect(node.status.lastIndex).toBe(2);
  });

  test("rule 38: no change before the last one is committed", () => {
    const { node } = settledLeader();
    const first = change(node, { kind: "add-learner", member: memberOf("d") });
    const second = change(node, { kind: "add-learner", member: memberOf("e") });

    expect(node.outcomes.get(first)).toBeUndefined();
    expect(codeOf(node.outcomes.get(second))).toBe("change-in-progress");
    expect(node.status.membershipIndex).toBe(3);
  });

  test("rule 39: a membership is in force when appended, and goes when it is truncated", () => {
    const disk = withMembership(diskWith(THREE, [2]), "a", "b", "c", "d");
    const { node } = lonelyNode("a", disk);
    expect(node.status).toMatchObject({ membershipIndex: 3, committedMembershipIndex: 1 });
    expect(node.status.membership.voters).toContain(keyOf("d"));

    const noop = entryAfter(disk.entries[1], { term: 3, kind: "noop" });
    node.hear("b", 3, append(node, { prevIndex: 2, entries: [noop] }));

    expect(node.status.membershipIndex).toBe(1);
    expect(node.status.membership.voters).not.toContain(keyOf("d"));
  });

  test("rule 41: a joint membership needs a majority of both halves to commit and to elect", () => {
    const { node, term } = settledLeader();
    change(node, { kind: "demote", key: keyOf("b") }, { kind: "demote", key: keyOf("c") });
    // {a} is the incoming half alone: its own disk is no quorum of the outgoing {a,b,c}.
    expect(node.status.membership.outgoing).toHaveLength(3);
    node.flush();
    expect(node.status.commit).toBe(2);

    node.hear("c", term, appendReply({ match: 3, session: 2 }));

    expect(node.status.commit).toBe(3);
  });

  test("rule 41: without voters nothing commits", () => {
    const { node } = lonelyNode("a", emptyDisk());
    for (let i = 0; i < 10; i += 1) {
      node.now += 1000;
      node.step({ kind: "tick" });
    }
    expect(node.status).toMatchObject({ role: "learner", term: 0, commit: 0 });
  });

  test("rule 42: a new leader leaves a joint state that its predecessor entered, once", () => {
    const cluster = new Cluster(["a", "b", "c", "d", "e"]);
    const leader = cluster.elect();
    const [x, y] = cluster.followers();
    leader.step({
      kind: "change",
      request: 1,
      changes: [
        { kind: "demote", key: x?.key ?? "" },
        { kind: "demote", key: y?.key ?? "" },
      ],
    });
    // The joint entry reaches the others, but not its acknowledgement: the leader dies before it can leave.
    for (const message of cluster.queue.splice(0)) cluster.node(message.to.slice(0, 1)).receive(message);
    for (const node of cluster.followers()) node.flush();
    cluster.queue.length = 0;
    cluster.nodes.delete(leader.id);

    cluster.run(10_000);

    const next = cluster.leader;
    expect(next?.status.membership.outgoing).toEqual([]);
    expect(next?.status.membership.voters).toHaveLength(3);
    expect(membershipEntries(cluster)).toBe(3);
  });

  test("rule 43: a change cannot remove the last voter or double an id or address", () => {
    const cluster = new Cluster(["a"]);
    const node = cluster.elect();
    const last = change(node, { kind: "remove", key: keyOf("a") });
    const twin = change(node, { kind: "add-learner", member: memberOf("a", { incarnation: "00000000000000ff" }) });
    const address = change(node, { kind: "add-learner", member: memberOf("b", { address: "a:8300" }) });

    expect(codeOf(node.outcomes.get(last))).toBe("last-voter");
    expect(codeOf(node.outcomes.get(twin))).toBe("already-member");
    expect(codeOf(node.outcomes.get(address))).toBe("address-in-use");
    expect(membershipEntries(cluster)).toBe(1);
  });

  test("rule 44: a leader leads through its own removal without counting itself, then stops", () => {
    const { node, term } = settledLeader();
    change(node, { kind: "remove", key: keyOf("a") });
    node.flush();
    node.hear("b", term, appendReply({ match: 3, session: 1 }));
    expect(node.status).toMatchObject({ role: "leader", commit: 2 });

    node.hear("c", term, appendReply({ match: 3, session: 2 }));

    expect(node.status).toMatchObject({ role: "removed", commit: 3 });
  });

  test("rule 45: a removed leader delivers the commit index before it stops, and hands over", () => {
    const cluster = new Cluster(["a", "b"]);
    const leader = cluster.elect();
    const [survivor] = cluster.followers();
    change(leader, { kind: "remove", key: leader.key });

    cluster.settle();

    expect(leader.status.role).toBe("removed");
    expect(survivor?.status).toMatchObject({ role: "leader" });
    expect(survivor?.status.committedMembership.voters).toEqual([survivor?.key ?? ""]);
  });

  test("rule 46: a learner is promoted by the leader when a catch-up round was short, and not before", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    join(cluster, "d");
    change(leader, { kind: "add-learner", member: memberOf("d") });
    cluster.cut.add(`${leader.id}>d`);
    cluster.run(5000);
    const early = change(leader, { kind: "promote", key: keyOf("d") });
    expect(codeOf(leader.outcomes.get(early))).toBe("not-caught-up");
    expect(leader.status.membership.learners).toEqual([keyOf("d")]);

    cluster.heal();
    cluster.run(1000);
    // The first round took longer than an election timeout: a second, short one decides.
    leader.propose(1, 1);
    cluster.run(1000);

    expect(leader.status.membership.voters).toContain(keyOf("d"));
    expect(leader.marks("learner-promoted")).toBe(1);
  });

  test("rule 46: a learner that needed longer than an election timeout must do another round", () => {
    const { node, term } = settledLeader();
    change(node, { kind: "add-learner", member: memberOf("d") });
    node.flush();
    for (let i = 0; i < 15; i += 1) {
      node.now += 100;
      node.step({ kind: "tick" });
      node.hear("b", term, appendReply({ match: 3, session: 1, round: node.lastRound }));
    }

    node.hear("d", term, appendReply({ match: 3, session: 3, round: node.lastRound }));
    const early = change(node, { kind: "promote", key: keyOf("d") });
    expect(codeOf(node.outcomes.get(early))).toBe("not-caught-up");
    for (let i = 0; i < 2; i += 1) {
      node.now += 100;
      node.step({ kind: "tick" });
      node.hear("b", term, appendReply({ match: 3, session: 1, round: node.lastRound }));
      node.hear("d", term, appendReply({ match: 3, session: 3, round: node.lastRound }));
    }

    expect(node.status.membership.voters).toContain(keyOf("d"));
  });

  test("rule 46: what an earlier process had caught up with is no reason to promote the one that runs now", () => {
    const { node, term } = settledLeader();
    change(node, { kind: "demote", key: keyOf("b") });
    node.flush();
    node.hear("c", term, appendReply({ match: 3, session: 2, round: node.lastRound }));
    expect(node.status.membership.learners).toEqual([keyOf("b")]);

    node.step({ kind: "hello", key: keyOf("b"), boot: "b-2", seq: 1, version: "1", commandVersion: 1 });
    const early = change(node, { kind: "promote", key: keyOf("b") });

    expect(codeOf(node.outcomes.get(early))).toBe("not-caught-up");
    expect(node.status.membership.learners).toEqual([keyOf("b")]);
  });

  test("rule 46: a learner whose pair two processes claim is not promoted", () => {
    const { node, term } = settledLeader();
    change(node, { kind: "demote", key: keyOf("b") });
    node.flush();
    node.hear("c", term, appendReply({ match: 3, session: 2, round: node.lastRound }));
    node.hear("b", term, appendReply({ match: 3, session: 1, round: node.lastRound }));
    node.step({ kind: "duplicate-pair", key: keyOf("b"), present: true });

    const twin = change(node, { kind: "promote", key: keyOf("b") });
    expect(codeOf(node.outcomes.get(twin))).toBe("not-caught-up");

    node.step({ kind: "duplicate-pair", key: keyOf("b"), present: false });
    const alone = change(node, { kind: "promote", key: keyOf("b") });
    expect(codeOf(node.outcomes.get(alone))).not.toBe("not-caught-up");
    expect(node.status.membership.voters).toContain(keyOf("b"));
  });

  test("rule 46: a non-voter and a demoted voter are not promoted by themselves", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const [x] = cluster.followers();
    join(cluster, "d");
    change(leader, { kind: "add-learner", member: memberOf("d", { nonVoter: true }) });
    cluster.run(500);
    change(leader, { kind: "demote", key: x?.key ?? "" });

    cluster.run(5000);

    expect(leader.status.membership.learners).toEqual([x?.key ?? "", keyOf("d")].toSorted());
  });

  test("rule 47: role and metadata change in one entry", () => {
    const { node } = settledLeader();
    change(node, { kind: "demote", key: keyOf("c") }, { kind: "update", member: memberOf("c", { address: "new:1" }) });

    expect(node.status.lastIndex).toBe(3);
    expect(node.status.membership.learners).toEqual([keyOf("c")]);
    expect(node.status.membership.members.get(keyOf("c"))?.address).toBe("new:1");
  });

  test("rule 48: adding what is a member already appends nothing; another address is taken over", () => {
    const { node } = settledLeader();
    const same = change(node, { kind: "add-learner", member: memberOf("b") });
    expect(node.outcomes.get(same)).toEqual({ kind: "ok" });
    expect(node.status.lastIndex).toBe(2);

    change(node, { kind: "add-learner", member: memberOf("b", { address: "new:1" }) });
    expect(node.status.membership.voters).toContain(keyOf("b"));
    expect(node.status.membership.members.get(keyOf("b"))?.address).toBe("new:1");
  });

  test("rule 49: an address changes only by a committed entry of the members before it", () => {
    const { node, term } = settledLeader();
    const request = change(node, { kind: "update", member: memberOf("b", { address: "new:1" }) });
    node.flush();
    expect(node.outcomes.get(request)).toBeUndefined();
    expect(node.status.committedMembership.members.get(keyOf("b"))?.address).toBe("b:8300");

    node.hear("b", term, appendReply({ match: 3 }));
    expect(node.outcomes.get(request)).toEqual({ kind: "ok" });
  });

  test("rule 50: a wiped node under its old id is another pair: its vote and acks are not those of the old one", () => {
    const { node, term } = leaderOf();
    const reborn = memberKey("b", "00000000000000ff");
    const header = { clusterId: CLUSTER_ID, epoch: EPOCH, from: reborn, fromBoot: "x", to: keyOf("a"), term };

    node.receive({ ...header, ...appendReply({ match: 2 }) });

    expect(node.status.commit).toBe(0);
  });

  test("rule 50: an empty node that replays an old membership does not find itself in it", () => {
    const pair = memberKey("a", "00000000000000ff");
    const { node } = lonelyNode("a", bootstrappedDisk(membershipOf(["a"])), { self: pair });
    node.now = 10_000;
    node.step({ kind: "tick" });
    expect(node.status).toMatchObject({ role: "learner", term: 1 });
  });

  test("rule 50: replacing a pair is one simple change, and only while the old one is silent", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const [old] = cluster.followers();
    const id = old?.id ?? "";
    const member = memberOf(id, { incarnation: "00000000000000ff" });
    const early = change(leader, { kind: "replace", old: keyOf(id), member });
    expect(codeOf(leader.outcomes.get(early))).toBe("in-use");
    cluster.crash(id);
    cluster.run(3000);

    join(cluster, id, "00000000000000ff");
    const request = change(leader, { kind: "replace", old: keyOf(id), member });
    expect(leader.status.membership.outgoing).toEqual([]);
    cluster.run(5000);

    expect(leader.outcomes.get(request)).toEqual({ kind: "ok" });
    expect(leader.status.membership.voters).toContain(memberKey(id, "00000000000000ff"));
    const again = change(leader, { kind: "add-learner", member: memberOf(id) });
    expect(codeOf(leader.outcomes.get(again))).toBe("in-use");
  });

  test("rule 50: a pair that was let in a moment ago is not replaced before it had time to speak", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    cluster.run(5000);
    const added = change(leader, { kind: "add-learner", member: memberOf("d") });
    cluster.run(500);
    expect(leader.outcomes.get(added)).toEqual({ kind: "ok" });
    const twin: MembershipChange = {
      kind: "replace",
      old: keyOf("d"),
      member: memberOf("d", { incarnation: "00000000000000ff" }),
    };
    expect(codeOf(leader.outcomes.get(change(leader, twin)))).toBe("in-use");
    cluster.run(3000);
    expect(codeOf(leader.outcomes.get(change(leader, twin)))).not.toBe("in-use");
  });

  test("rule 51: a log that ends before what was committed is fatal", () => {
    expect(() => lonelyNode("a", bootstrappedDisk(THREE), { commitHint: 5 })).toThrow("must hold what was committed");
  });

  test("rule 52: what is of another cluster, epoch or recipient never touches the core", () => {
    const { node, sent } = lonelyNode("a", bootstrappedDisk(THREE));
    const header = { clusterId: CLUSTER_ID, epoch: EPOCH, from: keyOf("b"), fromBoot: "x", to: keyOf("a"), term: 9 };

    node.receive({ ...header, clusterId: "ffffffffffffffffffffffffffffffff", ...vote(9, 9) });
    node.receive({ ...header, epoch: { counter: 2, random: "00000000" }, ...vote(9, 9) });
    node.receive({ ...header, epoch: { counter: 1, random: "00000001" }, ...vote(9, 9) });
    node.receive({ ...header, to: memberKey("a", "00000000000000ff"), ...vote(9, 9) });

    expect(node.status.term).toBe(1);
    expect(sent).toEqual([]);
    expect(node.observed.map(({ kind }) => kind)).toEqual(["dropped", "dropped", "dropped", "dropped"]);
  });

  test("rule 53: a removed node that was never told causes no election and is told when it asks", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const [removed] = cluster.followers();
    const id = removed?.id ?? "";
    cluster.isolate(id);
    change(leader, { kind: "remove", key: keyOf(id) });
    cluster.run(5000);
    const { term } = leader.status;
    cluster.heal();

    cluster.run(5000);

    expect(leader.status).toMatchObject({ role: "leader", term });
    expect(removed?.status.role).toBe("removed");
    expect(removed?.observed.filter(({ kind }) => kind === "distrusted")).toHaveLength(1);
  });

  test("rule 54: a non-voter stays one after a restart", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    join(cluster, "d");
    change(leader, { kind: "add-learner", member: memberOf("d", { nonVoter: true }) });
    cluster.run(1000);

    const again = cluster.restart("d");
    cluster.run(5000);

    expect(again.status.role).toBe("learner");
    expect(again.status.applied).toBe(leader.status.applied);
  });
});

describe("C. membership: who may be lost", () => {
  test("a removal that the rest could not commit is refused and appends nothing", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const [x, y] = cluster.followers();
    cluster.isolate(x?.id ?? "");
    cluster.run(1000);
    const { lastIndex } = leader.status;

    const request = change(leader, { kind: "remove", key: y?.key ?? "" });

    expect(codeOf(leader.outcomes.get(request))).toBe("would-lose-quorum");
    expect(leader.status.lastIndex).toBe(lastIndex);
  });

  test("a process whose disk was rolled back does not count, and is told", () => {
    const { node, sent, term } = settledLeader();
    node.hear("b", term, appendReply({ match: 2, seq: 40 }));
    sent.length = 0;

    hello(node, keyOf("b"), "restarted", 39);
    node.propose(1, 7);
    node.flush();
    const header = { clusterId: CLUSTER_ID, epoch: EPOCH, from: keyOf("b"), fromBoot: "restarted", to: node.key, term };
    node.receive({ ...header, ...appendReply({ match: 3, session: 1 }) });

    expect(lastOfKind(sent, "replaced")).toMatchObject({ to: keyOf("b"), reason: "rolled-back" });
    expect(node.status.commit).toBe(2);
  });

  test("a late counter of a process that did not restart accuses nobody", () => {
    const { node, sent, term } = settledLeader();
    node.hear("b", term, appendReply({ match: 2, seq: 40 }));

    hello(node, keyOf("b"), bootOf("b"), 39);

    expect(ofKind(sent, "replaced")).toEqual([]);
  });

  test("a pair that confesses does not count any more, and is told so when it comes back", () => {
    const { node, sent, term } = leaderOf();
    node.step({ kind: "confession", key: keyOf("b"), boot: bootOf("b") });
    node.hear("b", term, appendReply({ match: 2 }));
    expect(node.status.commit).toBe(0);
    const header = { clusterId: CLUSTER_ID, epoch: EPOCH, from: keyOf("b"), fromBoot: "restarted", to: node.key };
    node.receive({ ...header, term: term + 1, kind: "vote", lastIndex: 9, lastTerm: 9, transfer: true });
    expect(lastOfKind(sent, "replaced")).toMatchObject({ to: keyOf("b") });
    expect(node.status.term).toBe(term);

    node.hear("c", term, appendReply({ match: 2, session: 2 }));
    expect(node.status.commit).toBe(2);
  });

  test("what a pair acknowledged before it was found untrusted counts no longer", () => {
    const { node, term } = leaderOf(["a", "b", "c", "d", "e"]);
    node.hear("b", term, appendReply({ match: 2 }));
    node.step({ kind: "confession", key: keyOf("b"), boot: bootOf("b") });
    node.hear("c", term, appendReply({ match: 2, session: 2 }));
    expect(node.status.commit).toBe(0);

    node.hear("d", term, appendReply({ match: 2, session: 3 }));
    expect(node.status.commit).toBe(2);
  });

  test("a vote that a pair granted before it was found untrusted counts no longer", () => {
    const { node } = lonelyNode("a", diskWith(membershipOf(["a", "b", "c", "d", "e"]), []));
    campaign(node);
    const { term } = node.status;
    node.hear("b", term, { kind: "vote-reply", granted: true });
    node.step({ kind: "confession", key: keyOf("b"), boot: bootOf("b") });
    node.hear("c", term, { kind: "vote-reply", granted: true });
    expect(node.status.role).toBe("candidate");

    node.hear("d", term, { kind: "vote-reply", granted: true });
    expect(node.status.role).toBe("leader");
  });

  test("a change whose voters would need a pair that does not count is refused", () => {
    const { node, term } = leaderOf();
    node.hear("b", term, appendReply({ match: 2, round: node.lastRound }));
    node.hear("c", term, appendReply({ match: 2, session: 2, round: node.lastRound }));
    node.step({ kind: "confession", key: keyOf("b"), boot: bootOf("b") });

    expect(codeOf(node.outcomes.get(change(node, { kind: "remove", key: keyOf("c") })))).toBe("would-lose-quorum");
    expect(node.outcomes.get(change(node, { kind: "remove", key: keyOf("b") }))).toBeUndefined();
    expect(node.status.membership.voters).toEqual([keyOf("a"), keyOf("c")]);
  });

  test("two processes of one pair: neither counts until one is gone", () => {
    const { node, term } = leaderOf();
    node.step({ kind: "duplicate-pair", key: keyOf("b"), present: true });
    node.hear("b", term, appendReply({ match: 2 }));
    expect(node.status.commit).toBe(0);

    node.step({ kind: "duplicate-pair", key: keyOf("b"), present: false });
    node.hear("b", term, appendReply({ match: 2 }));
    expect(node.status.commit).toBe(2);
  });

  test("two processes of one pair get no vote: each could lead with it", () => {
    const { node, sent } = lonelyNode("a", diskWith(THREE, []));
    node.step({ kind: "duplicate-pair", key: keyOf("b"), present: true });
    expect(node.status.duplicates).toEqual([keyOf("b")]);

    node.hear("b", 2, vote(1, 1));
    node.flush();
    expect(sent).toEqual([]);
    expect(node.status.term).toBe(1);

    node.step({ kind: "duplicate-pair", key: keyOf("b"), present: false });
    node.hear("b", 2, vote(1, 1));
    node.flush();
    expect(sent.map(({ kind }) => kind)).toEqual(["vote-reply"]);
  });
});

function hello(node: TestNode, key: MemberKey, boot: string, seq: number): void {
  node.step({ kind: "hello", key, boot, seq, version: "1", commandVersion: 1 });
}

describe("C. the cluster version", () => {
  const raise: MembershipChange = { kind: "raise-version", version: 2 };

  function raisingLeader(): ReturnType<typeof leaderOf> {
    const made = leaderOf(["a", "b", "c"], [], { commandVersion: 2 });
    made.node.hear("b", made.term, appendReply({ match: 2, session: 1 }));
    made.node.hear("c", made.term, appendReply({ match: 2, session: 2 }));
    return made;
  }

  test("is raised only when the process of every member that runs now understands it", () => {
    const { node } = raisingLeader();
    const introduce = (id: string, commandVersion: number): void => {
      const process = { key: keyOf(id), boot: bootOf(id), seq: 9, version: "2" };
      node.step({ kind: "hello", ...process, commandVersion });
    };
    const able = ["a", "b", "c"].map((id): MembershipChange => ({
      kind: "update",
      member: { ...memberOf(id), commandVersion: 2 },
    }));
    const attempt = (): RequestOutcome | undefined => node.outcomes.get(change(node, ...able, raise));
    expect(codeOf(attempt())).toBe("unsupported-version");
    introduce("b", 2);
    expect(codeOf(attempt())).toBe("unsupported-version");
    introduce("c", 1);
    expect(codeOf(attempt())).toBe("unsupported-version");
    introduce("c", 2);
    node.step({ kind: "peer-down", key: keyOf("b"), boot: bootOf("b") });
    expect(codeOf(attempt())).toBe("unsupported-version");
    expect(node.status.membership.clusterVersion).toBe(1);
    introduce("b", 2);
    attempt();
    expect(node.status.membership.clusterVersion).toBe(2);
  });

  test("a node that does not understand it takes nothing of what follows, and says so", () => {
    const { node } = lonelyNode("a", bootstrappedDisk(membershipOf(["a", "b"])));
    const data = encodeMembership({ ...membershipOf(["a", "b"]), clusterVersion: 2 });
    const before = node.status.lastIndex;
    const entries = [entryAfter(node.disk.entries.at(-1), { term: 2, kind: "membership", data })];
    node.hear("b", 2, append(node, { entries, commit: before + 1 }));
    expect(node.observed.at(-1)).toEqual({ kind: "version-unknown", version: 2 });
    expect([node.status.lastIndex, node.status.commit]).toEqual([before, 0]);
  });
});

describe("C. promotion that somebody else decides about", () => {
  test("is held until a moment, and then the core promotes again; a promotion that is asked for is done", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    leader.step({ kind: "hold-promotions", until: leader.now + 60_000 });
    const joined = join(cluster, "d");
    change(leader, { kind: "add-learner", member: memberOf("d") });
    cluster.run(5_000);
    expect(leader.status.membership.voters).not.toContain(joined.key);
    expect(leader.status.peers.find(({ key }) => key === joined.key)?.isCaughtUp).toBe(true);
    cluster.run(60_000);
    expect(leader.status.membership.voters).toContain(joined.key);
  });
});
