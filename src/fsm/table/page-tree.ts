import { assert, copyBytes, EMPTY_BYTES, type ByteReader, type TableCell } from "../../base/index.ts";
import { PAGE_BYTES } from "./page.ts";
import { Inner, Leaf, type Node } from "./page-nodes.ts";

/**
 * A B+ tree of pages. A page is changed in place while it is of the tree's epoch; an older one may be part of a frozen
 * root and is copied first, and so is the path to it. So a page of this epoch has only such pages above it.
 */
export class PageTree {
  #root: Node = new Leaf(0);
  #epoch = 0;
  #size = 0;
  /** The inner pages down to the leaf of the change at hand, all of this epoch, and the places of the children taken. */
  readonly #path: Inner[] = [];
  readonly #places: number[] = [];
  /** Where the last search ended: who reads a row often replaces it next. Only a hint until its key was compared. */
  #found: Leaf | undefined;
  #foundAt = 0;

  get size(): number {
    return this.#size;
  }

  get root(): Node {
    return this.#root;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** What the root is now stays as it is for ever. */
  freeze(): Node {
    this.#epoch++;
    this.#found = undefined;
    return this.#root;
  }

  clear(): void {
    this.#root = new Leaf(this.#epoch);
    this.#size = 0;
    this.#found = undefined;
    // Else it would hold on to all that was there.
    this.#path.length = 0;
  }

  get(key: Uint8Array): ByteReader | undefined {
    if (this.#found?.hasKeyAt(this.#foundAt, key) === true) return this.#found.row(this.#foundAt);
    let node = this.#root;
    while (node instanceof Inner) node = node.child(node.placeOf(key));
    const at = node.find(key);
    if (at < 0) return undefined;
    this.#found = node;
    this.#foundAt = at;
    return node.row(at);
  }

  set(key: Uint8Array, row: Uint8Array): void {
    const found = this.#found;
    if (found?.epoch === this.#epoch && found.hasKeyAt(this.#foundAt, key) && found.replace(this.#foundAt, row)) return;
    const leaf = this.#descend((inner) => inner.placeOf(key));
    const at = leaf.find(key);
    if (at >= 0 && leaf.replace(at, row)) return;
    if (at >= 0) leaf.remove(at);
    else this.#size++;
    this.#insert(leaf, at < 0 ? ~at : at, { key, row });
  }

  /** Adds a row behind all others; false when its key is not above theirs. */
  append(cell: TableCell): boolean {
    let last = this.#root;
    while (last instanceof Inner) last = last.child(last.count - 1);
    if (!last.isBelow(cell)) return false;
    this.#size++;
    if (last.epoch === this.#epoch && last.takes(cell)) {
      last.appendCell(cell);
      return true;
    }
    const { bytes, keyFrom, rowFrom, to } = cell;
    const leaf = this.#descend((inner) => inner.count - 1);
    this.#insert(leaf, leaf.count, { key: copyBytes(bytes, keyFrom, rowFrom), row: copyBytes(bytes, rowFrom, to) });
    return true;
  }

  delete(key: Uint8Array): boolean {
    if (this.get(key) === undefined) return false;
    const leaf = this.#descend((inner) => inner.placeOf(key));
    leaf.remove(leaf.find(key));
    this.#size--;
    this.#shrink(leaf);
    return true;
  }

  /** Walks to a leaf and makes it and all above it pages of this epoch. */
  #descend(choose: (inner: Inner) => number): Leaf {
    this.#found = undefined;
    this.#path.length = 0;
    this.#places.length = 0;
    let node = this.#own(this.#root);
    this.#root = node;
    while (node instanceof Inner) {
      const place = choose(node);
      const child = node.child(place);
      const own = this.#own(child);
      if (own !== child) node.replaceChild(place, own);
      this.#path.push(node);
      this.#places.push(place);
      node = own;
    }
    return node;
  }

  #own(node: Node): Node {
    return node.epoch === this.#epoch ? node : node.copy(this.#epoch);
  }

  #insert(leaf: Leaf, at: number, row: { readonly key: Uint8Array; readonly row: Uint8Array }): void {
    if (leaf.fits(row.key, row.row)) return leaf.insert(at, row);
    const right = new Leaf(this.#epoch);
    const cut = cutOf(leaf, at);
    right.takeFrom(leaf, cut);
    leaf.truncate(cut);
    const goesRight = at > cut || right.count === 0;
    (goesRight ? right : leaf).insert(goesRight ? at - cut : at, row);
    this.#addChild(this.#path.length - 1, leaf, { key: separator(leaf, right), child: right });
  }

  /** `added` is the new right half of the child that was taken at this level; -1: of the root. */
  #addChild(level: number, left: Node, added: { readonly key: Uint8Array; readonly child: Node }): void {
    const parent = this.#path[level];
    if (parent === undefined) {
      this.#root = Inner.above(this.#epoch, [left, added.child], added.key);
      return;
    }
    const at = (this.#places[level] ?? 0) + 1;
    if (parent.hasRoomFor(added.key.length, 0)) return parent.insert(at, added);
    const right = Inner.empty(this.#epoch);
    const cut = cutOf(parent, at);
    const key = cut < parent.count ? copyKey(parent, cut) : added.key;
    right.takeFrom(parent, cut, EMPTY_BYTES);
    parent.truncate(cut);
    if (right.count === 0) right.insert(0, { key: EMPTY_BYTES, child: added.child });
    else if (at > cut) right.insert(at - cut, added);
    else parent.insert(at, added);
    this.#addChild(level - 1, parent, { key, child: right });
  }

  /** Takes empty pages out of the path, and joins small ones with a neighbour. */
  #shrink(leaf: Leaf): void {
    let node: Node = leaf;
    for (let level = this.#path.length - 1; level >= 0; level--) {
      const parent = this.#path[level];
      assert(parent !== undefined, "A path must have all its levels");
      const place = this.#places[level] ?? 0;
      if (node.count === 0) parent.remove(place);
      else if (node.usedBytes < PAGE_BYTES / 4) this.#join(parent, place);
      node = parent;
    }
    while (this.#root instanceof Inner && this.#root.count < 2) {
      this.#root = this.#root.count === 0 ? new Leaf(this.#epoch) : this.#root.child(0);
    }
  }

  #join(parent: Inner, place: number): void {
    const at = Math.max(0, place - 1);
    if (at + 1 >= parent.count) return;
    const right = parent.child(at + 1);
    if (parent.child(at).usedBytes + right.usedBytes > (PAGE_BYTES * 3) / 4) return;
    const left = this.#own(parent.child(at));
    if (left instanceof Leaf && right instanceof Leaf) left.takeFrom(right, 0);
    else if (left instanceof Inner && right instanceof Inner) left.takeFrom(right, 0, copyKey(parent, at + 1));
    parent.replaceChild(at, left);
    parent.remove(at + 1);
  }
}

/** Rows that come in ascending order leave full pages behind them; others cut a page in the middle. */
function cutOf(node: Node, at: number): number {
  return at === node.count || node.count < 2 ? at : node.middle();
}

/** The shortest key that is above all of the left leaf and not above any of the right one. */
function separator(left: Leaf, right: Leaf): Uint8Array {
  const below = copyKey(left, left.count - 1);
  const above = copyKey(right, 0);
  let shared = 0;
  while (shared < below.length && below[shared] === above[shared]) shared++;
  return copyBytes(above, 0, shared + 1);
}

export function copyKey(node: Node, place: number): Uint8Array {
  return node.key(place).rest();
}
