import { ByteReader, compareBytes, copyBytes, type KeyRange, type Table, type TableEntry } from "../../base/index.ts";

type Pair = readonly [key: Uint8Array, row: Uint8Array];

/** The dull implementation that others are judged by: one sorted array, copied to freeze it. For tests and small states. */
export function createSortedArrayTable(): Table {
  let pairs: Pair[] = [];
  const find = (key: Uint8Array): number => firstNotBelow(pairs, key);
  const has = (at: number, key: Uint8Array): boolean => {
    const pair = pairs[at];
    return pair !== undefined && compareBytes(pair[0], key) === 0;
  };
  return {
    get size(): number {
      return pairs.length;
    },
    get: (key) => {
      const at = find(key);
      const pair = has(at, key) ? pairs[at] : undefined;
      return pair === undefined ? undefined : new ByteReader(pair[1]);
    },
    set: (key, row) => {
      const at = find(key);
      pairs.splice(at, has(at, key) ? 1 : 0, [copyBytes(key), copyBytes(row)]);
    },
    append: ({ bytes, keyFrom, rowFrom, to }) => {
      const key = copyBytes(bytes, keyFrom, rowFrom);
      const last = pairs.at(-1);
      if (last !== undefined && compareBytes(last[0], key) >= 0) return false;
      pairs.push([key, copyBytes(bytes, rowFrom, to)]);
      return true;
    },
    delete: (key) => {
      const at = find(key);
      if (!has(at, key)) return false;
      pairs.splice(at, 1);
      return true;
    },
    range: (range) => within(pairs, range).values().map(entry),
    freeze: () => {
      let copy = pairs.slice();
      return {
        get size(): number {
          return copy.length;
        },
        rows: () => copy.values().map(entry),
        release: () => {
          copy = [];
        },
      };
    },
    clear: () => {
      pairs = [];
    },
  };
}

function entry([key, row]: Pair): TableEntry {
  return { key: new ByteReader(key), row: new ByteReader(row) };
}

function firstNotBelow(pairs: readonly Pair[], key: Uint8Array): number {
  let low = 0;
  let high = pairs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const pair = pairs[middle];
    if (pair !== undefined && compareBytes(pair[0], key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function within(pairs: readonly Pair[], range: KeyRange): Pair[] {
  const low = range.from === undefined ? 0 : firstNotBelow(pairs, range.from);
  const high = range.to === undefined ? pairs.length : firstNotBelow(pairs, range.to);
  const found = pairs.slice(low, Math.max(low, high));
  return range.reverse === true ? found.toReversed() : found;
}
