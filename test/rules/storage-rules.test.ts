import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Result } from "../../src/base/index.ts";
import type { Identity, LogStore } from "../../src/node/index.ts";
import { chainAfter, chainStart, type Entry } from "../../src/raft/index.ts";
import { openLogStore } from "../../src/storage/index.ts";

const identity: Identity = {
  clusterId: "0123456789abcdef0123456789abcdef",
  epoch: { counter: 1, random: "89abcdef" },
  nodeId: "a",
  incarnation: "00000000000000a1",
};

/** Waits for a callback that gives a result; a failure is an exception. */
async function outcome<T, E>(ask: (done: (result: Result<T, E>) => void) => void): Promise<T> {
  const { promise, reject, resolve } = Promise.withResolvers<T>();
  ask((result) => {
    if (result.ok) resolve(result.value);
    else reject(new Error(JSON.stringify(result.error)));
  });
  return promise;
}

async function closed(store: Pick<LogStore, "close">): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  store.close(resolve);
  return promise;
}

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "konsul-rules-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function openLog(): Promise<LogStore> {
  const opened = await openLogStore({ dataDir: folder, boot: "00000000000000b1" });
  if (opened.kind !== "opened") throw new Error(`The store must open: it is ${opened.kind}`);
  return opened.store;
}

describe("rule 84: bootstrap is one durable record", () => {
  const start = chainStart(identity.clusterId, identity.epoch);
  const body = { index: 1, term: 1, kind: "noop", time: 0, data: new Uint8Array(0) } as const;
  const first: Entry = { ...body, chain: chainAfter(start, body) };

  test("rule 84: a folder that was opened but not bootstrapped is pristine again at the next start", async () => {
    await closed(await openLog());
    const again = await openLog();
    expect([again.initial.identity, again.initial.seq, again.initial.entries.length]).toEqual([undefined, 0, 0]);
    await closed(again);
  });

  test("rule 84: after a bootstrap identity, term and first entry are there together", async () => {
    const store = await openLog();
    await outcome((done) => store.bootstrap(identity, { hard: { term: 1, vote: undefined }, entries: [first] }, done));
    await closed(store);
    const again = await openLog();
    expect(again.initial.identity).toEqual(identity);
    expect(again.initial.hard.term).toBe(1);
    expect(again.initial.entries.map(({ chain, index }) => [index, chain])).toEqual([[1, first.chain]]);
    await closed(again);
  });

  test("rule 84: a second bootstrap is refused and leaves the first as it was", async () => {
    const store = await openLog();
    const hard = { term: 1, vote: undefined };
    await outcome((done) => store.bootstrap(identity, { hard, entries: [first] }, done));
    const other = { ...identity, clusterId: "ffffffffffffffffffffffffffffffff" };
    const second = outcome((done) => store.bootstrap(other, { hard, entries: [first] }, done));
    // eslint-disable-next-line typescript/await-thenable -- bun's matcher is a promise, its type does not say so
    await expect(second).rejects.toThrow();
    await closed(store);
    const again = await openLog();
    expect(again.initial.identity?.clusterId).toBe(identity.clusterId);
    await closed(again);
  });
});
