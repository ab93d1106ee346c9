import { compareBytes, type KeyRange, type Table } from "../../base/index.ts";

type Pair<Row> = readonly [Uint8Array, Row];

/** The dull implementation that others are judged by: one sorted array, copied to freeze it. For tests and small states. */
export function createSortedArrayTable<Row>(): Table<Row> {
  let pairs: Pair<Row>[] = [];
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
      return has(at, key) ? pairs[at]?.[1] : undefined;
    },
    set: (key, row) => {
      const at = find(key);
      pairs.splice(at, has(at, key) ? 1 : 0, [key, row]);
    },
    delete: (key) => {
      const at = find(key);
      if (!has(at, key)) return false;
      pairs.splice(at, 1);
      return true;
    },
    range: (range) => within(pairs, range).values(),
    freeze: () => {
      let copy = pairs.slice();
      return {
        get size(): number {
          return copy.length;
        },
        rows: () => copy.values(),
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

function firstNotBelow<Row>(pairs: readonly Pair<Row>[], key: Uint8Array): number {
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

function within<Row>(pairs: readonly Pair<Row>[], range: KeyRange): Pair<Row>[] {
  const low = range.from === undefined ? 0 : firstNotBelow(pairs, range.from);
  const high = range.to === undefined ? pairs.length : firstNotBelow(pairs, range.to);
  const found = pairs.slice(low, Math.max(low, high));
  return range.reverse === true ? found.toReversed() : found;
}
