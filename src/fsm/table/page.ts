import { ByteReader, copyInto, readU32, writeU32, type TableCell } from "../../base/index.ts";

/** The array of a page. It is larger only where one or two cells are so large that no split would help. */
export const PAGE_BYTES = 4096;

const END_BYTES = 4;

/** Sizes of keys from here on take five bytes: this one, and the size. */
const LONG_KEY = 255;

/**
 * Cells in the order of their keys, packed into one array of bytes without a gap:
 *
 *   cells    from the front: size of the key u8 (255: a u32 follows), key, row
 *   ends     from the back, u32 each: where the first cell ends, before it the second one's, and so on
 *
 * There are no holes between cells, so that an insert moves what lies behind it: at most a page, in one native move. Keys
 * and rows may have any size; the page of a single large cell is as large as that. Nobody may keep a view of the array, as
 * it changes in place.
 */
export class Page {
  /** In which epoch of its tree the page was made: only then it may be changed, as older ones may be shared. */
  readonly epoch: number;
  #bytes: Uint8Array;
  #count: number;

  /** A copy, or an empty page. */
  constructor(epoch: number, source?: Page) {
    this.epoch = epoch;
    this.#bytes = source === undefined ? new Uint8Array(PAGE_BYTES) : source.#bytes.slice();
    this.#count = source === undefined ? 0 : source.#count;
  }

  get count(): number {
    return this.#count;
  }

  get usedBytes(): number {
    return this.#start(this.#count);
  }

  /** Whether a cell of this size can be added without making the page too large. */
  hasRoomFor(keySize: number, rowSize: number): boolean {
    const ends = END_BYTES * (this.#count + 1);
    return this.#count === 0 || this.usedBytes + cellSize(keySize, rowSize) + ends <= PAGE_BYTES;
  }

  /** The place of the key; when it is not there, `~place` of where it belongs. */
  find(key: Uint8Array): number {
    const bytes = this.#bytes;
    let low = 0;
    let high = this.#count;
    // All keys between two share what both of these share with the one we look for: that part is not compared again.
    let sharedLow = 0;
    let sharedHigh = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      let at = this.#start(middle);
      let size = bytes[at++] ?? 0;
      if (size === LONG_KEY) {
        size = readU32(bytes, at);
        at += 4;
      }
      const end = Math.min(size, key.length);
      let shared = Math.min(sharedLow, sharedHigh);
      while (shared < end && bytes[at + shared] === key[shared]) shared++;
      const difference = shared < end ? (bytes[at + shared] ?? 0) - (key[shared] ?? 0) : size - key.length;
      if (difference === 0) return middle;
      if (difference < 0) {
        low = middle + 1;
        sharedLow = shared;
      } else {
        high = middle;
        sharedHigh = shared;
      }
    }
    return ~low;
  }

  hasKeyAt(place: number, key: Uint8Array): boolean {
    if (place >= this.count) return false;
    const from = this.#keyFrom(place);
    if (this.#rowFrom(place) - from !== key.length) return false;
    for (let at = 0; at < key.length; at++) if (this.#bytes[from + at] !== key[at]) return false;
    return true;
  }

  /** Whether all keys are below that of the source. */
  isBelow({ bytes, keyFrom, rowFrom }: TableCell): boolean {
    const last = this.count - 1;
    if (last < 0) return true;
    const from = this.#keyFrom(last);
    const [ownSize, size] = [this.#rowFrom(last) - from, rowFrom - keyFrom];
    const end = Math.min(ownSize, size);
    for (let at = 0; at < end; at++) {
      const difference = (this.#bytes[from + at] ?? 0) - (bytes[keyFrom + at] ?? 0);
      if (difference !== 0) return difference < 0;
    }
    return ownSize < size;
  }

  /** In place, as `packedRow`. */
  key(place: number): ByteReader {
    return new ByteReader(this.#bytes, this.#keyFrom(place), this.#rowFrom(place));
  }

  packedRow(place: number): ByteReader {
    return new ByteReader(this.#bytes, this.#rowFrom(place), this.#start(place + 1));
  }

  packedSize(place: number): number {
    return this.#start(place + 1) - this.#rowFrom(place);
  }

  insertCell(place: number, key: Uint8Array, row: Uint8Array): void {
    const size = cellSize(key.length, row.length);
    const start = this.#start(place);
    this.#move(start, size, 1);
    for (let at = this.#count; at > place; at--) this.#setEnd(at, this.#start(at) + size);
    this.#setEnd(place, start + size);
    this.#count++;
    const from = this.#writeKeySize(start, key.length);
    this.#bytes.set(key, from);
    this.#bytes.set(row, from + key.length);
  }

  /** Behind all others. */
  appendCell({ bytes, keyFrom, rowFrom, to }: TableCell): void {
    const start = this.usedBytes;
    const size = cellSize(rowFrom - keyFrom, to - rowFrom);
    this.#reserve(start + size, 1);
    copyInto(this.#bytes, this.#writeKeySize(start, rowFrom - keyFrom), { bytes, from: keyFrom, to });
    this.#setEnd(this.#count++, start + size);
  }

  replaceRow(place: number, row: Uint8Array): void {
    const end = this.#start(place + 1);
    const from = this.#rowFrom(place);
    const growth = row.length - (end - from);
    if (growth !== 0) {
      this.#move(end, growth, 0);
      for (let at = place; at < this.#count; at++) this.#setEnd(at, this.#start(at + 1) + growth);
    }
    this.#bytes.set(row, from);
  }

  removeCell(place: number): void {
    const end = this.#start(place + 1);
    const size = end - this.#start(place);
    this.#move(end, -size, 0);
    for (let at = place + 1; at < this.#count; at++) this.#setEnd(at - 1, this.#start(at + 1) - size);
    this.#count--;
  }

  /** Where to cut a page that has at least two cells, so that both sides have about as many bytes and at least one cell. */
  middle(): number {
    const half = this.usedBytes / 2;
    let place = 1;
    while (place < this.count - 1 && this.#start(place) < half) place++;
    return place;
  }

  /** Adds the cells of the other page from that place on. */
  appendCells(other: Page, from: number): void {
    const first = other.#start(from);
    const to = other.usedBytes;
    const shift = this.usedBytes - first;
    this.#reserve(this.usedBytes + to - first, other.#count - from);
    copyInto(this.#bytes, this.usedBytes, { bytes: other.#bytes, from: first, to });
    for (let place = from + 1; place <= other.#count; place++) this.#setEnd(this.#count++, other.#start(place) + shift);
  }

  /** Drops the cells from that place on. */
  truncateCells(count: number): void {
    this.#count = count;
  }

  /** Also of the place behind the last cell: where that one ends. */
  #start(place: number): number {
    return place === 0 ? 0 : readU32(this.#bytes, this.#bytes.length - END_BYTES * place);
  }

  #setEnd(place: number, end: number): void {
    writeU32(this.#bytes, this.#bytes.length - END_BYTES * (place + 1), end);
  }

  #keyFrom(place: number): number {
    const start = this.#start(place);
    return start + (this.#bytes[start] === LONG_KEY ? 5 : 1);
  }

  #rowFrom(place: number): number {
    const start = this.#start(place);
    const size = this.#bytes[start] ?? 0;
    return size === LONG_KEY ? start + 5 + readU32(this.#bytes, start + 1) : start + 1 + size;
  }

  /** Answers where the key begins. */
  #writeKeySize(start: number, size: number): number {
    this.#bytes[start] = Math.min(size, LONG_KEY);
    if (size < LONG_KEY) return start + 1;
    writeU32(this.#bytes, start + 1, size);
    return start + 5;
  }

  /** Moves what lies from that byte on, in an array that has room for so many cells more. */
  #move(from: number, by: number, added: number): void {
    const used = this.usedBytes;
    this.#reserve(used + by, added);
    if (from < used) this.#bytes.copyWithin(from + by, from, used);
  }

  #reserve(used: number, added: number): void {
    const old = this.#bytes;
    const size = used + END_BYTES * (this.#count + added);
    if (size <= old.length) return;
    this.#bytes = new Uint8Array(size);
    this.#bytes.set(old);
    this.#bytes.copyWithin(size - END_BYTES * this.#count, old.length - END_BYTES * this.#count, old.length);
  }
}

function cellSize(keySize: number, rowSize: number): number {
  return (keySize < LONG_KEY ? 1 : 5) + keySize + rowSize;
}
