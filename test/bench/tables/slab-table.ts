import { ByteReader, ByteWriter, type KeyRange, type Table } from "../../../src/base/index.ts";
import { createBTreeTable, type RowFormat } from "../../../src/fsm/index.ts";

const SLAB_BYTES = 4 * 1024 * 1024;

/**
 * A candidate for comparison: keys in the B+ tree, rows in large arrays of bytes. It never reclaims space of replaced
 * rows, so its figures are better than those of a finished one would be.
 */
export function createSlabTable<Row>(format: RowFormat<Row>): Table<Row> {
  const places = createBTreeTable<number>();
  const slabs: Uint8Array[] = [];
  let used = SLAB_BYTES;
  const store = (row: Row): number => {
    const writer = new ByteWriter(160);
    format.write(writer, row);
    const size = writer.length;
    if (used + size > SLAB_BYTES) {
      slabs.push(new Uint8Array(Math.max(SLAB_BYTES, size)));
      used = 0;
    }
    const slab = slabs.at(-1);
    if (slab === undefined) throw new RangeError("There must be a slab");
    slab.set(writer.view(), used);
    const place = (slabs.length - 1) * SLAB_BYTES + used;
    used += size;
    return place;
  };
  const load = (place: number): Row => {
    const slab = slabs[Math.floor(place / SLAB_BYTES)];
    if (slab === undefined) throw new RangeError("There must be a slab");
    return format.read(new ByteReader(slab.subarray(place % SLAB_BYTES)));
  };
  function* loaded(
    pairs: IterableIterator<readonly [Uint8Array, number]>,
  ): IterableIterator<readonly [Uint8Array, Row]> {
    for (const [key, place] of pairs) yield [key, load(place)];
  }
  return {
    get size(): number {
      return places.size;
    },
    get: (key) => {
      const place = places.get(key);
      return place === undefined ? undefined : load(place);
    },
    set: (key, row) => places.set(key, store(row)),
    delete: (key) => places.delete(key),
    range: (range: KeyRange) => loaded(places.range(range)),
    freeze: () => {
      const frozen = places.freeze();
      return { size: frozen.size, rows: () => loaded(frozen.rows()), release: () => frozen.release() };
    },
    clear: () => places.clear(),
  };
}
