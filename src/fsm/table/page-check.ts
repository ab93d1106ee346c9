import { assert, compareBytes, EMPTY_BYTES } from "../../base/index.ts";
import { Inner, type Leaf, type Node } from "./page-nodes.ts";
import { copyKey, type PageTree } from "./page-tree.ts";

/** Above or equal to `from`, below `to`. */
interface Bounds {
  readonly from: Uint8Array;
  readonly to: Uint8Array | undefined;
}

/** Walks the whole tree, for tests. @throws InvariantViolation unless all holds that must */
export function checkPageTree(tree: PageTree): void {
  assert(tree.root.epoch <= tree.epoch, "No page may be newer than its tree");
  const { size } = checkNode(tree.root, { from: EMPTY_BYTES, to: undefined });
  assert(size === tree.size, () => `All rows must be counted: ${size} are there, ${tree.size} counted`);
  assert(!(tree.root instanceof Inner) || tree.root.count > 1, "A root must have two children");
}

interface Found {
  readonly size: number;
  readonly depth: number;
}

function checkNode(node: Node, bounds: Bounds): Found {
  return node instanceof Inner ? checkInner(node, bounds) : checkLeaf(node, bounds);
}

function checkLeaf(leaf: Leaf, bounds: Bounds): Found {
  leaf.check();
  for (let place = 0; place < leaf.count; place++) {
    assert(isWithin(copyKey(leaf, place), bounds), "A key must lie where its leaf does");
    assert(place === 0 || isAscending(leaf, place), "The keys of a leaf must ascend");
  }
  return { size: leaf.count, depth: 0 };
}

function checkInner(inner: Inner, bounds: Bounds): Found {
  assert(inner.count > 0, "A page must have a child");
  assert(copyKey(inner, 0).length === 0, "The first separator must be empty");
  let size = 0;
  const depths = new Set<number>();
  for (let place = 0; place < inner.count; place++) {
    const from = place === 0 ? bounds.from : copyKey(inner, place);
    const to = place + 1 < inner.count ? copyKey(inner, place + 1) : bounds.to;
    const child = inner.child(place);
    assert(isWithin(from, bounds), "A separator must lie where its page does");
    assert(place === 0 || isAscending(inner, place), "Separators must ascend");
    assert(child.count > 0, "Only a root may be empty");
    assert(child.epoch <= inner.epoch, "A page must not be newer than the one above it");
    const found = checkNode(child, { from, to });
    size += found.size;
    depths.add(found.depth);
  }
  const [depth] = depths;
  assert(depths.size === 1 && depth !== undefined, "All leaves must be equally deep");
  return { size, depth: depth + 1 };
}

function isWithin(key: Uint8Array, { from, to }: Bounds): boolean {
  return compareBytes(from, key) <= 0 && (to === undefined || compareBytes(key, to) < 0);
}

function isAscending(node: Node, place: number): boolean {
  return compareBytes(copyKey(node, place - 1), copyKey(node, place)) < 0;
}
