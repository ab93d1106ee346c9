import { ByteWriter, utf8 } from "../../base/index.ts";
import type { RowFormat } from "../state/state-table.ts";

/** A part of a backup that waits for the rest. Frozen. */
export interface StagedRow {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** Numbers in the order of bytes. */
export function stagedKey(number: number): Uint8Array {
  const little = new ByteWriter(4).u32(number).finish();
  return little.toReversed();
}

export const stagedRowFormat: RowFormat<StagedRow> = {
  section: 8,
  name: "restore-staging",
  write: (writer, { id, bytes }) => {
    writer.text(id).bytes(bytes);
  },
  read: (reader) => Object.freeze({ id: reader.text(), bytes: reader.bytes() }),
  hash: (hasher, { id, bytes }) => {
    hasher.bytes(utf8(id)).bytes(bytes);
  },
  sizeBytes: ({ bytes }) => bytes.length,
};
