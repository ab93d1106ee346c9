import ImportedBTree from "sorted-btree";
import {
  ByteReader,
  compareBytes,
  copyBytes,
  type FrozenTable,
  type KeyRange,
  type Table,
  type TableEntry,
} from "../../../src/base/index.ts";

/** In a bundle the default export of this CommonJS package arrives inside a module object, from source it does not. */
function isWrapped(imported: unknown): imported is { readonly default: typeof ImportedBTree } {
  return typeof imported === "object" && imported !== null && "default" in imported;
}

const BTree = isWrapped(ImportedBTree) ? ImportedBTree.default : ImportedBTree;

type Tree = ImportedBTree<Uint8Array, Uint8Array>;

/** A candidate for comparison: rows as byte arrays in a B+ tree of objects. A clone shares the root; later writes copy their path. */
export function createBTreeTable(): Table {
  let tree = emptyTree();
  return {
    get size(): number {
      return tree.size;
    },
    get: (key) => {
      const row = tree.get(key);
      return row === undefined ? undefined : new ByteReader(row);
    },
    set: (key, row) => {
      tree.set(key, row);
    },
    append: ({ bytes, keyFrom, rowFrom, to }) => {
      const key = copyBytes(bytes, keyFrom, rowFrom);
      const last = tree.maxKey();
      if (last !== undefined && compareBytes(last, key) >= 0) return false;
      tree.set(key, copyBytes(bytes, rowFrom, to));
      return true;
    },
    delete: (key) => tree.delete(key),
    range: (range) => entries(range.reverse === true ? descending(tree, range) : ascending(tree, range)),
    freeze: () => frozen(tree.clone()),
    clear: () => {
      // A new tree, as the nodes of the old one may be shared with frozen views.
      tree = emptyTree();
    },
  };
}

function emptyTree(): Tree {
  return new BTree<Uint8Array, Uint8Array>(undefined, compareBytes);
}

function frozen(tree: Tree): FrozenTable {
  let held: Tree | undefined = tree;
  return {
    get size(): number {
      return held?.size ?? 0;
    },
    rows: () => entries((held ?? emptyTree()).entries()),
    release: () => {
      held = undefined;
    },
  };
}

function* entries(pairs: Iterable<readonly [Uint8Array, Uint8Array]>): IterableIterator<TableEntry> {
  for (const [key, row] of pairs) yield { key: new ByteReader(key), row: new ByteReader(row) };
}

function* ascending(tree: Tree, range: KeyRange): IterableIterator<readonly [Uint8Array, Uint8Array]> {
  for (const pair of tree.entries(range.from)) {
    if (range.to !== undefined && compareBytes(pair[0], range.to) >= 0) return;
    yield pair;
  }
}

function* descending(tree: Tree, range: KeyRange): IterableIterator<readonly [Uint8Array, Uint8Array]> {
  for (const pair of tree.entriesReversed(range.to, undefined, true)) {
    if (range.from !== undefined && compareBytes(pair[0], range.from) < 0) return;
    yield pair;
  }
}
