import { describe, expect, test } from "bun:test";
import { Cluster, lonelyNode } from "../testing/cluster.ts";
import { bootOf, bootstrappedDisk, keyOf, membershipOf } from "../testing/fixtures.ts";
import { append, appendReply, lastOfKind, leaderOf, ofKind } from "../testing/messages.ts";

/** The leader a of {a,b,c}, its first entry committed. */
function settledLeader(voters: readonly string[] = ["a", "b", "c"]): ReturnType<typeof leaderOf> {
  const made = leaderOf(voters);
  made.node.hear("b", made.term, appendReply({ match: 2, session: 1 }));
  made.node.hear("c", made.term, appendReply({ match: 2, session: 2 }));
  expect(made.node.status.commit).toBe(2);
  return made;
}

describe("E. reads", () => {
  test("rule 67: no read is answered before an entry of this term is committed", () => {
    const { node, term } = leaderOf();
    node.step({ kind: "read", request: 1 });
    node.hear("b", term, appendReply({ match: 1, round: node.lastRound }));
    expect(node.reads).toEqual([]);

    node.hear("b", term, appendReply({ match: 2, round: node.lastRound }));

    expect(node.reads).toEqual([{ request: 1, index: 2 }]);
  });

  test("rule 68: a sole voter too answers only once its own entry is committed", () => {
    const { node } = lonelyNode("a", bootstrappedDisk(membershipOf(["a"])));
    node.flush(1);
    expect(node.status).toMatchObject({ role: "leader", commit: 0 });
    node.step({ kind: "read", request: 1 });
    expect(node.reads).toEqual([]);

    node.flush();

    expect(node.reads).toEqual([{ request: 1, index: 2 }]);
  });

  test("rule 69: only answers to rounds sent after the read count, whatever else they acknowledge", () => {
    const { node, term } = settledLeader();
    const before = node.lastRound;
    node.step({ kind: "read", request: 1 });

    node.hear("b", term, appendReply({ match: 2, round: before }));
    node.hear("c", term, appendReply({ match: 2, round: before, session: 2 }));
    expect(node.reads).toEqual([]);
    node.hear("b", term, appendReply({ match: 2, round: before + 1 }));

    expect(node.reads).toEqual([{ request: 1, index: 2 }]);
  });

  test("rule 69: a refusal of the current term confirms the round, another term's answer never does", () => {
    const { node, term } = settledLeader();
    node.step({ kind: "read", request: 1 });

    node.hear("b", term - 1, appendReply({ match: 2, round: node.lastRound }));
    expect(node.reads).toEqual([]);
    node.hear("b", term, appendReply({ ok: false, match: 1, round: node.lastRound }));

    expect(node.reads).toHaveLength(1);
  });

  test("rule 69: the same request number of two processes is two reads", () => {
    const { node, sent, term } = settledLeader();
    node.hear("b", term, { kind: "read-index", request: 1 });
    node.hear("c", term, { kind: "read-index", request: 1 });
    node.hear("c", term, { kind: "read-index", request: 1 });

    node.hear("b", term, appendReply({ match: 2, round: node.lastRound }));

    expect(ofKind(sent, "read-index-reply").map(({ to, ok, index }) => ({ to, ok, index }))).toEqual([
      { to: keyOf("b"), ok: true, index: 2 },
      { to: keyOf("c"), ok: true, index: 2 },
    ]);
  });

  test("rule 69: a confirmation of a pair that was found untrusted since counts no longer", () => {
    const { node, term } = settledLeader(["a", "b", "c", "d", "e"]);
    node.step({ kind: "read", request: 1 });
    node.hear("b", term, appendReply({ match: 2, round: node.lastRound }));
    node.step({ kind: "confession", key: keyOf("b"), boot: bootOf("b") });
    node.hear("c", term, appendReply({ match: 2, session: 2, round: node.lastRound }));
    expect(node.reads).toEqual([]);

    node.hear("d", term, appendReply({ match: 2, session: 3, round: node.lastRound }));

    expect(node.reads).toHaveLength(1);
  });

  test("rule 70: only voters confirm a read", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const [x, y] = cluster.followers();
    leader.step({ kind: "change", request: 1, changes: [{ kind: "demote", key: y?.key ?? "" }] });
    cluster.run(500);
    expect(leader.status.membership.learners).toEqual([y?.key ?? ""]);
    cluster.isolate(x?.id ?? "");

    leader.step({ kind: "read", request: 2 });
    cluster.run(200);
    expect(leader.reads).toEqual([]);

    cluster.heal();
    cluster.run(200);
    expect(leader.reads.map(({ request }) => request)).toEqual([2]);
  });

  test("rule 70: in a joint membership both halves must confirm", () => {
    const { node, term } = settledLeader();
    const changes = [
      { kind: "demote" as const, key: keyOf("b") },
      { kind: "demote" as const, key: keyOf("c") },
    ];
    node.step({ kind: "change", request: 1, changes });
    expect(node.status.membership.voters).toEqual([keyOf("a")]);
    node.step({ kind: "read", request: 2 });
    node.flush();
    expect(node.reads).toEqual([]);

    node.hear("b", term, appendReply({ match: 2, round: node.lastRound }));

    expect(node.reads).toEqual([{ request: 2, index: 2 }]);
  });

  test("rule 71: reads that wait are told to come again when leadership is lost", () => {
    const { node, sent, term } = settledLeader();
    node.step({ kind: "read", request: 1 });
    node.hear("b", term, { kind: "read-index", request: 7 });

    node.hear("c", term + 1, { kind: "stale-term" });
    node.flush();

    expect(node.outcomes.get(1)).toEqual({ kind: "retry" });
    expect(lastOfKind(sent, "read-index-reply")).toMatchObject({ to: keyOf("b"), request: 7, ok: false });
  });

  test("rule 71: a follower's read is asked again until answered, and fails with its leader", () => {
    const { node, sent } = lonelyNode("a", bootstrappedDisk(membershipOf(["a", "b", "c"])));
    node.step({ kind: "read", request: 1 });
    expect(node.outcomes.get(1)).toEqual({ kind: "retry" });
    node.hear("b", 2, append(node));
    node.flush();

    node.step({ kind: "read", request: 2 });
    node.now += 100;
    node.step({ kind: "tick" });
    expect(ofKind(sent, "read-index")).toHaveLength(2);
    node.hear("b", 2, { kind: "read-index-reply", request: 2, ok: true, index: 9, commit: 9 });
    node.hear("b", 2, { kind: "read-index-reply", request: 2, ok: true, index: 9, commit: 9 });
    expect(node.reads).toEqual([{ request: 2, index: 9 }]);

    node.step({ kind: "read", request: 3 });
    node.hear("c", 3, append(node));
    expect(node.outcomes.get(3)).toEqual({ kind: "retry" });
  });

  test("rule 71: the leader tells a follower that reads the commit index at once", () => {
    const cluster = new Cluster(["a", "b", "c"]);
    const leader = cluster.elect();
    const [follower] = cluster.followers();
    leader.propose(1, 1);
    cluster.settle();
    follower?.step({ kind: "read", request: 2 });

    cluster.settle();

    expect(follower?.reads[0]?.index).toBe(follower?.status.applied);
  });
});
