import { expect, test } from "bun:test";
import { chainAfter, chainStart, type Entry, type Persist } from "../../src/raft/index.ts";
import type { Identity, LogStore } from "../../src/node/index.ts";

export interface LogStoreFactory {
  /** Opens the store; the same one again after `close` where it is durable. */
  readonly open: () => Promise<LogStore>;
  readonly isDurable: boolean;
}

export const IDENTITY: Identity = {
  clusterId: "0".repeat(32),
  epoch: { counter: 1, random: "00000000" },
  nodeId: "n",
  incarnation: "0".repeat(16),
};

/** `count` entries that follow `from`, chained. */
export function entriesAfter(
  from: { readonly index: number; readonly chain: number },
  count: number,
  term: number,
): Entry[] {
  const entries: Entry[] = [];
  let { chain } = from;
  for (let at = 1; at <= count; at += 1) {
    const index = from.index + at;
    const data = new TextEncoder().encode(`entry ${index} of ${term}`);
    const entry: Omit<Entry, "chain"> = { index, term, kind: "command", time: index, data };
    chain = chainAfter(chain, entry);
    entries.push({ ...entry, chain });
  }
  return entries;
}

export async function persist(store: LogStore, operations: readonly Persist[]): Promise<number> {
  return new Promise((resolve, reject) => {
    store.persist(operations, 0, (result) => {
      if (result.ok) resolve(result.value.seq);
      else reject(new Error(result.error.message));
    });
  });
}

export async function read(store: LogStore, from: number, to: number): Promise<readonly Entry[]> {
  return new Promise((resolve, reject) => {
    store.read({ from, to, bytesMax: Infinity }, (result) => {
      if (result.ok) resolve(result.value);
      else reject(new Error(result.error.message));
    });
  });
}

export async function close(store: LogStore): Promise<void> {
  return new Promise((resolve) => store.close(resolve));
}

export async function bootstrap(store: LogStore): Promise<Entry[]> {
  const chain = chainStart(IDENTITY.clusterId, IDENTITY.epoch);
  const entries = entriesAfter({ index: 0, chain }, 1, 1);
  await new Promise<void>((resolve, reject) => {
    store.bootstrap(IDENTITY, { hard: { term: 1, vote: undefined }, entries }, (result) => {
      if (result.ok) resolve();
      else reject(new Error(result.error.message));
    });
  });
  return entries;
}

function last(entries: readonly Entry[]): Entry {
  const entry = entries.at(-1);
  if (entry === undefined) throw new Error("no entry");
  return entry;
}

/** What every log store promises. */
export function runLogStoreContract(name: string, factory: () => LogStoreFactory): void {
  test(`${name}: appends, truncates and appends again in the order it was told`, async () => {
    const store = await factory().open();
    const first = await bootstrap(store);
    const appended = entriesAfter(last(first), 5, 1);
    const kept = appended.slice(0, 2);
    const replaced = entriesAfter(last(kept), 2, 2);
    await persist(store, [
      { ticket: 1, append: appended },
      { ticket: 2, truncateFrom: 4, append: replaced },
    ]);
    expect(await read(store, 1, 100)).toEqual([...first, ...kept, ...replaced]);
    expect(await read(store, 3, 5)).toEqual([...kept.slice(1), ...replaced.slice(0, 1)]);
    await close(store);
  });

  test(`${name}: every transaction raises seq by one`, async () => {
    const store = await factory().open();
    await bootstrap(store);
    const one = await persist(store, [{ ticket: 1, hard: { term: 2, vote: "n~1" } }]);
    const two = await persist(store, [{ ticket: 2, hard: { term: 3, vote: undefined } }]);
    expect([one, two]).toEqual([2, 3]);
    await close(store);
  });

  test(`${name}: answers later, never inside the call`, async () => {
    const store = await factory().open();
    await bootstrap(store);
    let isInside = true;
    const wasInside = await new Promise<boolean>((resolve) => {
      store.persist([{ ticket: 1, hard: { term: 2, vote: undefined } }], 0, () => resolve(isInside));
      isInside = false;
    });
    expect(wasInside).toBe(false);
    await close(store);
  });

  test(`${name}: what is compacted is gone, and the rest continues from the base`, async () => {
    const { open, isDurable } = factory();
    const store = await open();
    const first = await bootstrap(store);
    const appended = entriesAfter(last(first), 9, 1);
    const base = appended[3];
    if (base === undefined) throw new Error("no base");
    await persist(store, [{ ticket: 1, append: appended, compactTo: base }]);
    expect((await read(store, 1, 100)).map(({ index }) => index)).toEqual([6, 7, 8, 9, 10]);
    await close(store);
    if (!isDurable) return;
    const again = await open();
    expect(again.initial.base).toEqual({ index: 5, term: 1, chain: base.chain, time: 5 });
    expect(again.initial.entries).toEqual(appended.slice(4));
    await close(again);
  });

  test(`${name}: what was acknowledged is there again when it is opened again`, async () => {
    const { open, isDurable } = factory();
    if (!isDurable) return;
    const store = await open();
    expect(store.initial.identity).toBeUndefined();
    const first = await bootstrap(store);
    const appended = entriesAfter(last(first), 20, 7);
    await persist(store, [{ ticket: 1, append: appended, hard: { term: 7, vote: "n~1" } }]);
    await close(store);
    const again = await open();
    expect(again.initial.identity).toEqual(IDENTITY);
    expect(again.initial.hard).toEqual({ term: 7, vote: "n~1" });
    expect(again.initial.seq).toBe(2);
    expect(again.initial.entries).toEqual([...first, ...appended]);
    // A log may be large: with the first transaction the store lets go of what it found.
    await persist(again, [{ ticket: 1, hard: { term: 8, vote: undefined } }]);
    expect([again.initial.entries, again.initial.identity]).toEqual([[], IDENTITY]);
    await close(again);
  });
}
