import { expect, test } from "bun:test";
import { createPrng, type Prng } from "../../src/base/index.ts";
import {
  answerPeer,
  encodeAdmissionAnswer,
  form,
  type Formation,
  type FormationStore,
  type PeerCalls,
} from "../../src/cluster/index.ts";
import type { Identity, Member } from "../../src/node/index.ts";
import { createManualClock, type ManualClock } from "../../src/node/testing/manual-clock.ts";
import { memberOf } from "../../src/raft/testing/fixtures.ts";

/** Nodes with the same template, over a network that loses what it likes, and processes that start again. */
class World {
  readonly clock: ManualClock = createManualClock();
  readonly addresses: readonly string[];
  /** By cluster: who made it. */
  readonly creators: string[] = [];
  readonly stops: string[] = [];
  readonly #prng: Prng;
  readonly #expect: number;
  readonly #kept = new Map<string, Formation>();
  readonly #clusters = new Map<string, string>();
  readonly #lives = new Map<string, number>();
  lossChance: number;
  /** Pairs "from to" that do not reach each other. */
  readonly cut = new Set<string>();

  constructor(prng: Prng, size: number, expected: number, lossChance: number) {
    this.#prng = prng;
    this.#expect = expected;
    this.lossChance = lossChance;
    this.addresses = Array.from({ length: size }, (_, at) => `h${at}:1`);
  }

  clusterOf(address: string): string | undefined {
    return this.#clusters.get(address);
  }

  /** The process at this address begins anew: what it kept on disk is there, the rest is not. */
  start(address: string): void {
    const life = (this.#lives.get(address) ?? 0) + 1;
    this.#lives.set(address, life);
    if (this.#clusters.has(address)) return;
    const self = this.#member(address);
    const guard = (task: () => void) => (): void => {
      if (this.#lives.get(address) === life) task();
    };
    const { clock } = this;
    form(
      {
        clock: { ...clock, now: () => clock.now(), at: (at, task) => clock.at(at, guard(task)) },
        random: () => this.#prng.between(0, 1000) / 1000,
        calls: this.#calls(address, life),
        self,
        isBootstrap: false,
        joinAddresses: () => this.addresses,
        expect: this.#expect,
        formerCluster: "",
        formations: this.#store(address),
        note: () => undefined,
      },
      (formed) => {
        if (formed.kind === "stop") {
          this.stops.push(formed.reason);
          return;
        }
        const cluster = formed.kind === "create" ? address.slice(1, 2).padStart(32, "0") : formed.clusterId;
        if (formed.kind === "create") this.creators.push(address);
        this.#clusters.set(address, cluster);
      },
    );
  }

  #member(address: string): Member {
    const incarnation = (this.#lives.get(address) ?? 0).toString(16).padStart(16, "0");
    return memberOf(address.slice(0, 2), { incarnation, name: address, address, admitted: 0 });
  }

  #store(address: string): FormationStore {
    return {
      read: () => this.#kept.get(address),
      write: (formation) => {
        if (formation === undefined) this.#kept.delete(address);
        else this.#kept.set(address, formation);
      },
    };
  }

  #calls(from: string, life: number): PeerCalls {
    const { clock } = this;
    return {
      call: () => undefined,
      ask: (to, { method, body, timeoutMs }, done) => {
        let isOver = false;
        const finish = (outcome: Parameters<typeof done>[0]): void => {
          if (isOver || this.#lives.get(from) !== life) return;
          isOver = true;
          done(outcome, undefined);
        };
        clock.at(clock.now() + timeoutMs, () => finish({ kind: "lost", reason: "timeout" }));
        const isLost = (a: string, b: string): boolean =>
          this.cut.has(`${a} ${b}`) || this.#prng.chance(this.lossChance);
        if (isLost(from, to) || !this.#lives.has(to)) return;
        clock.at(clock.now() + this.#prng.between(1, 200), () => {
          const answer = this.#answer(to, method, body);
          if (isLost(to, from)) return;
          clock.at(clock.now() + this.#prng.between(1, 200), () => finish({ kind: "answer", body: answer }));
        });
      },
    };
  }

  #answer(address: string, method: string, body: Uint8Array): Uint8Array {
    const cluster = this.#clusters.get(address);
    const self = this.#member(address);
    // A cluster is only a name here, so that nobody but this test can let a node in.
    if (method === "admit" && cluster !== undefined)
      return encodeAdmissionAnswer({ kind: "admitted", ...nameOf(cluster) });
    let said: Uint8Array | undefined;
    answerPeer(
      {
        clock: this.clock,
        self,
        isBootstrap: false,
        expect: this.#expect,
        formerCluster: "",
        formations: this.#store(address),
        identity: () =>
          cluster === undefined ? undefined : { ...nameOf(cluster), nodeId: self.id, incarnation: self.incarnation },
        node: () => undefined,
        onInvited: () => undefined,
        onRefused: () => undefined,
        onClaimed: () => undefined,
      },
      { method, body, peer: { key: "", address: "", clusterId: "" } },
      (answer) => {
        said = answer;
      },
    );
    if (said === undefined) throw new Error(`${method} was not answered`);
    return said;
  }
}

function nameOf(clusterId: string): Pick<Identity, "clusterId" | "epoch"> {
  return { clusterId, epoch: { counter: 1, random: "00000000" } };
}

test("bootstrap_expect never makes two clusters, whatever is lost or starts again, and makes one when it heals", () => {
  let withRestarts = 0;
  for (let seed = 1; seed <= 1500; seed += 1) {
    const prng = createPrng(seed);
    const [size, expected] = prng.pick([
      [3, 3],
      [3, 2],
      [4, 3],
      [5, 3],
      [5, 4],
    ] as const);
    const world = new World(prng, size, expected, prng.pick([0, 0.1, 0.4]));
    for (let step = 0; step < 60; step += 1) {
      const address = prng.pick(world.addresses);
      if (prng.chance(0.3)) world.start(address);
      if (prng.chance(0.3)) world.cut.add(`${address} ${prng.pick(world.addresses)}`);
      if (prng.chance(0.1)) world.cut.clear();
      world.clock.advance(prng.between(1, 3000));
    }
    expect([seed, world.creators.length <= 1, world.stops]).toEqual([seed, true, []]);
    withRestarts += world.creators.length;
    world.cut.clear();
    world.lossChance = 0;
    for (const address of world.addresses) world.start(address);
    world.clock.advance(200_000);
    const clusters = new Set(world.addresses.map((address) => world.clusterOf(address)));
    expect([seed, world.creators.length, clusters.size, clusters.has(undefined)]).toEqual([seed, 1, 1, false]);
  }
  // Else the faults were so heavy that nothing was ever at stake, or so light that nothing was tested.
  expect(withRestarts).toBeGreaterThan(150);
  expect(withRestarts).toBeLessThan(1500);
});
