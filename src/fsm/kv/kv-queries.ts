import { assert, compareBytes, isSameBytes, type KeyRange, type LogIndex } from "../../base/index.ts";
import type { ChangeFeed } from "../feed/change-feed.ts";
import { keyAfter, prefixEnd, startsWithBytes } from "../table/byte-keys.ts";
import type { KvTable } from "./kv-apply.ts";
import { readKvHead, type KvRow } from "./kv-row.ts";

export interface KvPair {
  readonly key: Uint8Array;
  readonly row: KvRow;
}

export interface KvPageRequest {
  readonly prefix: Uint8Array;
  /** Only keys above this one: the `next` of the page before. */
  readonly after?: Uint8Array;
  /** At least 1. */
  readonly limit: number;
}

export interface KvPage<Item> {
  readonly items: readonly Item[];
  /** The last key of this page when there are more. */
  readonly next?: Uint8Array;
}

/** What a blocking read covers. */
export type KvScope = { readonly key: Uint8Array } | { readonly prefix: Uint8Array };

/** Reads of the state at the applied index. Keys and rows are shared: never write to them. */
export interface KvQueries {
  get(key: Uint8Array): KvRow | undefined;
  /** Pairs under a prefix in byte order. */
  list(request: KvPageRequest): KvPage<KvPair>;
  keys(request: KvPageRequest): KvPage<Uint8Array>;
  /** Keys under a prefix, counted up to `max`: the answer `max` means "that many or more". */
  count(prefix: Uint8Array, max: number): number;
  /**
   * Whether something in the scope changed (a delete too) by an entry after `index`. Never a wrong no; a wrong yes
   * only when `index` is older than the change feed reaches. An index of the future: no.
   */
  hasChangedSince(scope: KvScope, index: LogIndex): boolean;
}

export function createKvQueries(table: KvTable, feed: ChangeFeed): KvQueries {
  return {
    get: (key) => table.get(key),
    list: (request) => page(table, request, { rows: pairs(table, rangeOf(request)), keyOf: ({ key }) => key }),
    keys: (request) => page(table, request, { rows: table.keys(rangeOf(request)), keyOf: (key) => key }),
    count: (prefix, max) => count(table, prefix, max),
    hasChangedSince: (scope, index) => hasChangedSince(table, feed, scope, index),
  };
}

function* pairs(table: KvTable, range: KeyRange): IterableIterator<KvPair> {
  for (const [key, row] of table.range(range)) yield { key, row };
}

interface Found<Item> {
  readonly rows: Iterable<Item>;
  readonly keyOf: (item: Item) => Uint8Array;
}

function page<Item>(table: KvTable, request: KvPageRequest, { rows, keyOf }: Found<Item>): KvPage<Item> {
  const { prefix, limit } = request;
  assert(Number.isInteger(limit) && limit >= 1, () => `A page must have room for at least 1 item: it has ${limit}`);
  const items: Item[] = [];
  for (const item of rows) {
    items.push(item);
    if (items.length < limit) continue;
    const last = keyOf(item);
    // The next row would be read with its value.
    const isEnd = table.keys(rangeOf({ prefix, after: last })).next().done === true;
    return isEnd ? { items } : { items, next: last };
  }
  return { items };
}

function rangeOf({ prefix, after }: Pick<KvPageRequest, "prefix" | "after">): KeyRange {
  const to = prefixEnd(prefix);
  const from = after !== undefined && compareBytes(after, prefix) >= 0 ? keyAfter(after) : prefix;
  return to === undefined ? { from } : { from, to };
}

function count(table: KvTable, prefix: Uint8Array, max: number): number {
  if (prefix.length === 0) return Math.min(table.size, max);
  let found = 0;
  const keys = table.keys(rangeOf({ prefix }));
  while (found < max && keys.next().done !== true) found++;
  return found;
}

function hasChangedSince(table: KvTable, feed: ChangeFeed, scope: KvScope, index: LogIndex): boolean {
  if ("prefix" in scope) return feed.hasChangedSince("kv", index, (key) => startsWithBytes(key, scope.prefix));
  const row = table.getPart(scope.key, readKvHead);
  if (row !== undefined) return row.modifyIndex > index;
  return feed.hasChangedSince("kv", index, (key) => isSameBytes(key, scope.key));
}
