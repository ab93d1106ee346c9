import { assert, ByteReader, copyBytes, EMPTY_BYTES, type TableCell } from "../../base/index.ts";
import { Page, PAGE_BYTES } from "./page.ts";

export type Node = Leaf | Inner;

/** Rows from here on lie in arrays of their own, so that the copy of a page is never long. */
const LARGE_ROW_BYTES = PAGE_BYTES / 4;

/** Rows by key. The cell of a large row is empty: its bytes, which never change, are shared by all copies of the page. */
export class Leaf extends Page {
  /** Large rows by the place of their cell; undefined: there is none at all. */
  #large: (Uint8Array | undefined)[] | undefined;

  constructor(epoch: number, source?: Leaf) {
    super(epoch, source);
    this.#large = source === undefined ? undefined : source.#large?.slice();
  }

  copy(epoch: number): Leaf {
    return new Leaf(epoch, this);
  }

  /** In place. */
  row(place: number): ByteReader {
    const large = this.#large?.[place];
    return large === undefined ? this.packedRow(place) : new ByteReader(large);
  }

  fits(key: Uint8Array, row: Uint8Array): boolean {
    return this.hasRoomFor(key.length, packed(row).length);
  }

  insert(place: number, { key, row }: { readonly key: Uint8Array; readonly row: Uint8Array }): void {
    this.insertCell(place, key, packed(row));
    this.#keepLarge(place, { replaced: 0, row });
  }

  /** Whether the cell may be appended as it is. */
  takes({ keyFrom, rowFrom, to }: TableCell): boolean {
    return (
      to - rowFrom < LARGE_ROW_BYTES && this.#large === undefined && this.hasRoomFor(rowFrom - keyFrom, to - rowFrom)
    );
  }

  /** False, with nothing done, when the page would grow too large. */
  replace(place: number, row: Uint8Array): boolean {
    const inside = packed(row);
    const growth = inside.length - this.packedSize(place);
    if (growth > 0 && this.count > 1 && !this.hasRoomFor(0, growth)) return false;
    this.replaceRow(place, inside);
    this.#keepLarge(place, { replaced: 1, row });
    return true;
  }

  remove(place: number): void {
    this.removeCell(place);
    this.#large?.splice(place, 1);
  }

  /** Adds all that the leaf behind this one has from that place on. */
  takeFrom(other: Leaf, from: number): void {
    if (this.#large !== undefined || other.#large !== undefined) {
      this.#large = [...this.#largeOfAll(), ...other.#largeOfAll().slice(from)];
    }
    this.appendCells(other, from);
  }

  truncate(count: number): void {
    this.truncateCells(count);
    if (this.#large !== undefined) this.#large.length = count;
  }

  check(): void {
    for (let place = 0; place < this.count; place++) {
      const size = this.#large?.[place]?.length;
      assert(size === undefined || size >= LARGE_ROW_BYTES, "Only a large row may lie outside its page");
      assert(size === undefined || this.packedSize(place) === 0, "The cell of a large row must be empty");
    }
    assert((this.#large?.length ?? this.count) === this.count, "Each cell of a leaf with large rows must have a place");
  }

  #largeOfAll(): readonly (Uint8Array | undefined)[] {
    return this.#large ?? Array.from({ length: this.count }, () => undefined);
  }

  #keepLarge(place: number, { replaced, row }: { readonly replaced: 0 | 1; readonly row: Uint8Array }): void {
    const large = row.length < LARGE_ROW_BYTES ? undefined : copyBytes(row);
    if (large === undefined && this.#large === undefined) return;
    this.#large ??= Array.from({ length: this.count - 1 + replaced }, () => undefined);
    this.#large.splice(place, replaced, large);
  }
}

/**
 * Children by separators: cell i has a key that is not above any key of child i and above all of child i - 1. The first
 * cell has the empty key: what the first child may have is bounded by the pages above only.
 */
export class Inner extends Page {
  readonly #children: Node[];

  constructor(epoch: number, source: Inner | readonly Node[]) {
    super(epoch, source instanceof Inner ? source : undefined);
    this.#children = source instanceof Inner ? source.#children.slice() : source.slice();
  }

  static empty(epoch: number): Inner {
    return new Inner(epoch, []);
  }

  /** A root whose children are two halves of the one before. */
  static above(epoch: number, children: readonly Node[], separator: Uint8Array): Inner {
    const root = new Inner(epoch, children);
    root.insertCell(0, EMPTY_BYTES, EMPTY_BYTES);
    root.insertCell(1, separator, EMPTY_BYTES);
    return root;
  }

  copy(epoch: number): Inner {
    return new Inner(epoch, this);
  }

  /** The place of the child that has the key, if any has. */
  placeOf(key: Uint8Array): number {
    const place = this.find(key);
    return place < 0 ? ~place - 1 : place;
  }

  child(place: number): Node {
    const child = this.#children[place];
    assert(child !== undefined, "A page must have a child for each of its cells");
    return child;
  }

  replaceChild(place: number, child: Node): void {
    this.#children[place] = child;
  }

  insert(place: number, { key, child }: { readonly key: Uint8Array; readonly child: Node }): void {
    this.insertCell(place, key, EMPTY_BYTES);
    this.#children.splice(place, 0, child);
  }

  /** The first cell keeps the empty key, whoever is the first child. */
  remove(place: number): void {
    this.removeCell(place === 0 && this.count > 1 ? 1 : place);
    this.#children.splice(place, 1);
  }

  /** Adds the children that the node behind this one has from that place on; the first of them gets that key. */
  takeFrom(other: Inner, from: number, key: Uint8Array): void {
    if (from === other.count) return;
    this.insert(this.count, { key, child: other.child(from) });
    this.appendCells(other, from + 1);
    this.#children.push(...other.#children.slice(from + 1));
  }

  truncate(count: number): void {
    this.truncateCells(count);
    this.#children.length = count;
  }
}

function packed(row: Uint8Array): Uint8Array {
  return row.length < LARGE_ROW_BYTES ? row : EMPTY_BYTES;
}
