import ImportedBTree from "sorted-btree";
import { compareBytes, type FrozenTable, type KeyRange, type Table } from "../../base/index.ts";

/** In a bundle the default export of this CommonJS package arrives inside a module object, from source it does not. */
function isWrapped(imported: unknown): imported is { readonly default: typeof ImportedBTree } {
  return typeof imported === "object" && imported !== null && "default" in imported;
}

const BTree = isWrapped(ImportedBTree) ? ImportedBTree.default : ImportedBTree;
type BTree<Key, Value> = ImportedBTree<Key, Value>;

type Tree<Row> = BTree<Uint8Array, Row>;

/**
 * Rows in a B+ tree in memory. `freeze()` marks the root as shared (constant time); after it, a change copies the
 * path it touches, so frozen views cost memory only for what changes while they live. A live `range()` must not be
 * advanced across a change of the table; a frozen one may. Keys belong to the table once set.
 */
export function createBTreeTable<Row>(): Table<Row> {
  let tree: Tree<Row> = new BTree<Uint8Array, Row>(undefined, compareBytes);
  return {
    get size(): number {
      return tree.size;
    },
    get: (key) => tree.get(key),
    set: (key, row) => {
      tree.set(key, row);
    },
    delete: (key) => tree.delete(key),
    range: (range) => rangeOf(tree, range),
    freeze: () => frozen(tree.clone()),
    clear: () => {
      // A new tree, as the nodes of the old one may be shared with frozen views.
      tree = new BTree<Uint8Array, Row>(undefined, compareBytes);
    },
  };
}

function frozen<Row>(tree: Tree<Row>): FrozenTable<Row> {
  let held: Tree<Row> | undefined = tree;
  return {
    get size(): number {
      return held?.size ?? 0;
    },
    rows: () => (held ?? new BTree<Uint8Array, Row>(undefined, compareBytes)).entries(),
    release: () => {
      held = undefined;
    },
  };
}

function rangeOf<Row>(tree: Tree<Row>, range: KeyRange): IterableIterator<readonly [Uint8Array, Row]> {
  return range.reverse === true ? descending(tree, range) : ascending(tree, range);
}

function* ascending<Row>(tree: Tree<Row>, range: KeyRange): IterableIterator<readonly [Uint8Array, Row]> {
  for (const pair of tree.entries(range.from)) {
    if (range.to !== undefined && compareBytes(pair[0], range.to) >= 0) return;
    yield pair;
  }
}

function* descending<Row>(tree: Tree<Row>, range: KeyRange): IterableIterator<readonly [Uint8Array, Row]> {
  for (const pair of tree.entriesReversed(range.to, undefined, true)) {
    if (range.from !== undefined && compareBytes(pair[0], range.from) < 0) return;
    yield pair;
  }
}
