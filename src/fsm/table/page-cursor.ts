import type { KeyRange, TableEntry } from "../../base/index.ts";
import { Inner, type Leaf, type Node } from "./page-nodes.ts";

interface Step {
  readonly inner: Inner;
  place: number;
}

/** Goes through the rows below a root, which must not change meanwhile. */
export class PageCursor implements IterableIterator<TableEntry> {
  readonly #range: KeyRange;
  readonly #by: 1 | -1;
  readonly #path: Step[] = [];
  #leaf: Leaf | undefined;
  #at: number;
  /** The place in the leaf that is behind the last one to give. */
  #end = 0;

  constructor(root: Node, range: KeyRange) {
    this.#range = range;
    this.#by = range.reverse === true ? -1 : 1;
    const start = this.#by === 1 ? range.from : range.to;
    const leaf = this.#leafBelow(root, start);
    this.#at = this.#by === 1 ? firstNotBelow(leaf, start, 0) : firstNotBelow(leaf, start, leaf.count) - 1;
    this.#enter(leaf);
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(): IteratorResult<TableEntry> {
    while (this.#leaf !== undefined) {
      const leaf = this.#leaf;
      const place = this.#at;
      if (this.#by === 1 ? place < this.#end : place > this.#end) {
        this.#at += this.#by;
        return { done: false, value: { key: leaf.key(place), row: leaf.row(place) } };
      }
      const isLast = this.#by === 1 ? this.#end < leaf.count : this.#end >= 0;
      const next = isLast ? undefined : this.#nextLeaf();
      this.#at = next === undefined || this.#by === 1 ? 0 : next.count - 1;
      this.#enter(next);
    }
    return { done: true, value: undefined };
  }

  #enter(leaf: Leaf | undefined): void {
    this.#leaf = leaf;
    if (leaf === undefined) return;
    const { from, to } = this.#range;
    this.#end = this.#by === 1 ? firstNotBelow(leaf, to, leaf.count) : firstNotBelow(leaf, from, 0) - 1;
  }

  /** The leaf where the key belongs; without one, the outermost in our direction. */
  #leafBelow(root: Node, key: Uint8Array | undefined): Leaf {
    let node = root;
    while (node instanceof Inner) {
      const outermost = this.#by === 1 ? 0 : node.count - 1;
      const place = key === undefined ? outermost : node.placeOf(key);
      this.#path.push({ inner: node, place });
      node = node.child(place);
    }
    return node;
  }

  #nextLeaf(): Leaf | undefined {
    for (let step = this.#path.pop(); step !== undefined; step = this.#path.pop()) {
      step.place += this.#by;
      if (step.place < 0 || step.place >= step.inner.count) continue;
      this.#path.push(step);
      return this.#leafBelow(step.inner.child(step.place), undefined);
    }
    return undefined;
  }
}

function firstNotBelow(leaf: Leaf, key: Uint8Array | undefined, open: number): number {
  if (key === undefined) return open;
  const place = leaf.find(key);
  return place < 0 ? ~place : place;
}
