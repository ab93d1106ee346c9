import { assert, createPrng, type Prng } from "../../base/index.ts";
import type { Entry } from "../entry.ts";
import { Cluster, type TestNode } from "./cluster.ts";
import { emptyDisk, LIMITS, memberOf } from "./fixtures.ts";

/** What must hold over all nodes at all times: one leader a term, one entry an index, nothing acknowledged lost. */
class Oracle {
  readonly #leaders = new Map<number, string>();
  readonly #applied: Entry[] = [];
  readonly #seen = new WeakMap<TestNode, { applied: number; reads: number; observed: number }>();
  readonly marks = new Map<string, number>();
  /** The highest index that anybody had applied when a read was asked. */
  readonly #readFloors = new Map<string, number>();

  noteRead(node: TestNode, request: number): void {
    this.#readFloors.set(`${node.boot}/${request}`, this.#applied.at(-1)?.index ?? 0);
  }

  check(cluster: Cluster): void {
    for (const node of cluster.nodes.values()) {
      const { role, term } = node.status;
      if (role === "leader") {
        const known = this.#leaders.get(term) ?? node.id;
        assert(known === node.id, () => `Term ${term} must have one leader: ${known} and ${node.id}`);
        this.#leaders.set(term, node.id);
      }
      const seen = this.#seen.get(node) ?? { applied: 0, reads: 0, observed: 0 };
      this.#seen.set(node, seen);
      for (; seen.applied < node.applied.length; seen.applied += 1)
        this.#checkApplied(node, node.applied[seen.applied]);
      for (; seen.observed < node.observed.length; seen.observed += 1) {
        const observation = node.observed[seen.observed];
        const mark = observation?.kind === "mark" ? observation.mark : (observation?.kind ?? "");
        this.marks.set(mark, (this.marks.get(mark) ?? 0) + 1);
      }
      for (; seen.reads < node.reads.length; seen.reads += 1) {
        const read = node.reads[seen.reads];
        const floor = this.#readFloors.get(`${node.boot}/${read?.request}`) ?? 0;
        assert((read?.index ?? 0) >= floor, () => `A read on ${node.id} must see ${floor}: got ${read?.index}`);
      }
    }
  }

  #checkApplied(node: TestNode, entry: Entry | undefined): void {
    if (entry === undefined) return;
    const known = this.#applied[entry.index - 1];
    if (known === undefined) this.#applied[entry.index - 1] = entry;
    else assert(known.chain === entry.chain, () => `${node.id} must apply at ${entry.index} what the others did`);
  }
}

function disturb(cluster: Cluster, prng: Prng, ids: readonly string[]): void {
  const id = prng.pick(ids);
  const other = prng.pick(ids);
  switch (prng.between(0, 10)) {
    case 0:
      return void cluster.restart(id);
    case 1:
      return cluster.isolate(id);
    case 2:
      return void cluster.cut.add(`${id}>${other}`);
    case 3:
    case 4:
      return cluster.heal();
    case 5:
      return void cluster.stalled.add(id);
    case 6:
      return cluster.stalled.clear();
    case 7: {
      const { leader, leaderContact } = cluster.node(id).status;
      if (leader === undefined || leaderContact === Infinity) return;
      const boot = cluster.node(leader.slice(0, leader.indexOf("~"))).boot;
      return void cluster.node(id).step({ kind: "leader-gone", key: leader, boot });
    }
    default:
      return;
  }
}

/**
 * Runs a small cluster under random faults, then heals it and demands progress. Returns how often each rare path was
 * taken. @throws InvariantViolation
 */
export function fuzz(seed: number, steps: number): ReadonlyMap<string, number> {
  const prng = createPrng(seed);
  const ids = ["a", "b", "c", "d", "e"].slice(0, prng.pick([1, 2, 3, 3, 5]));
  const cacheBytesMax = prng.pick([200, 1000, 1 << 20]);
  const cluster = new Cluster(ids, seed, { limits: { ...LIMITS, cacheBytesMax, messageBytesMax: 300 } });
  const hasChurn = ids.length > 2 && prng.chance(0.5);
  const oracle = new Oracle();
  cluster.chaos = prng.pick([0, 0.02, 0.1, 0.2]);
  let request = 1;
  for (let i = 0; i < steps; i += 1) {
    disturb(cluster, prng, ids);
    const node = cluster.node(prng.pick(ids));
    request += 1;
    const roll = prng.between(0, 20);
    if (roll < 10) node.propose(request, request & 255);
    else if (roll < 15) {
      oracle.noteRead(node, request);
      node.step({ kind: "read", request });
    } else if (roll === 16) {
      const to = cluster.node(prng.pick(ids)).key;
      node.step({ kind: "transfer", request, to });
    } else if (roll === 17) change(cluster, node, { request, prng, ids });
    else if (roll === 18) node.compact(Math.max(0, node.status.applied - prng.between(0, 5)));
    else if (roll === 19 && hasChurn) churn(cluster, node, { request, prng, ids });
    cluster.run(prng.pick([0, 1, 10, 100, 100, 500]));
    if (prng.chance(0.5)) cluster.carrySnapshots();
    oracle.check(cluster);
  }
  cluster.heal();
  cluster.stalled.clear();
  cluster.chaos = 0;
  cluster.introduceAll();
  for (let i = 0; i < 20; i += 1) {
    cluster.run(500);
    cluster.carrySnapshots();
  }
  oracle.check(cluster);
  const { leader } = cluster;
  assert(leader !== undefined, "A healed cluster must have a leader");
  leader.propose(request + 1, 1);
  cluster.run(1000);
  assert(leader.status.applied === leader.status.lastIndex, "A healed cluster must commit");
  oracle.check(cluster);
  return oracle.marks;
}

interface Wish {
  readonly request: number;
  readonly prng: Prng;
  readonly ids: readonly string[];
}

/** Removes, wipes, re-admits: whatever is next for this node. At most one voter is dead for good at a time. */
function churn(cluster: Cluster, node: TestNode, { request, prng }: Wish): void {
  const { leader } = cluster;
  if (leader === undefined || leader === node) return;
  const { membership, committedMembership } = leader.status;
  const { id, key } = node;
  const live = new Set([...cluster.nodes.values()].map((other) => other.key));
  // A change that only some know of, and a lost disk on top, is more than a cluster can be asked to survive.
  const isSettled = [...cluster.nodes.values()].every(
    ({ status }) => status.membershipIndex === leader.status.membershipIndex,
  );
  const isWhole = isSettled && [...membership.members.keys()].every((member) => live.has(member));
  if (node.status.role === "removed") {
    if (!membership.members.has(key)) reborn(cluster, node, request);
  } else if (!membership.members.has(key)) {
    const member = memberOf(id, { incarnation: key.slice(key.indexOf("~") + 1) });
    const old = [...membership.members.keys()].find((other) => other.startsWith(`${id}~`));
    const wish =
      old === undefined ? { kind: "add-learner" as const, member } : { kind: "replace" as const, old, member };
    leader.step({ kind: "change", request, changes: [wish] });
  } else if (membership.voters.length > 2 && prng.chance(0.5)) {
    leader.step({ kind: "change", request, changes: [{ kind: "remove", key }] });
  } else if (isWhole && membership.voters.length > 2 && membership === committedMembership) {
    reborn(cluster, node, request);
  }
}

/** The disk is lost: a new pair under the old id. */
function reborn(cluster: Cluster, node: TestNode, request: number): void {
  cluster.crash(node.id);
  cluster.start(node.id, emptyDisk(), `${node.id}~${String(request).padStart(16, "0")}`);
}

function change(cluster: Cluster, node: TestNode, { request, prng, ids }: Wish): void {
  const keys = [cluster.node(prng.pick(ids)).key, cluster.node(prng.pick(ids)).key];
  const kind = prng.pick(["demote", "promote"] as const);
  const changes = [...new Set(keys)].map((key) => ({ kind, key }));
  node.step({ kind: "change", request, changes });
}
