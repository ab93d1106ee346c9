import type { FrozenTable, Table } from "../../base/index.ts";
import { PageCursor } from "./page-cursor.ts";
import { Leaf } from "./page-nodes.ts";
import { PageTree } from "./page-tree.ts";

/**
 * Rows in a B+ tree of pages of bytes. `freeze()` takes constant time; after it, a change copies the pages it touches, so
 * frozen views cost memory only for what changes while they live.
 */
export function createPageTable(tree = new PageTree()): Table {
  return {
    get size(): number {
      return tree.size;
    },
    get: (key) => tree.get(key),
    set: (key, row) => tree.set(key, row),
    append: (cell) => tree.append(cell),
    delete: (key) => tree.delete(key),
    range: (range) => new PageCursor(tree.root, range),
    freeze: () => frozen(tree),
    clear: () => tree.clear(),
  };
}

function frozen(tree: PageTree): FrozenTable {
  let root = tree.freeze();
  let size = tree.size;
  return {
    get size(): number {
      return size;
    },
    rows: () => new PageCursor(root, {}),
    release: () => {
      root = new Leaf(0);
      size = 0;
    },
  };
}
