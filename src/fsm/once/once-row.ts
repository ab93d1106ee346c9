import { utf8 } from "../../base/index.ts";
import type { RowFormat } from "../state/state-table.ts";

/** The first result of an idempotency key. Frozen. */
export interface OnceRow {
  /** Cluster time in ms at which it was applied. */
  readonly time: number;
  /** Tells the command from others, in hex. */
  readonly digest: string;
  readonly result: string;
}

/** The digest, and the key once more in the order of ages. Measured: a row with a key of 41 bytes takes 670 bytes in all. */
const OWN_BYTES = 440;

/** As many as a length can say: what a transaction gives back has its values in it. */
const RESULT_BYTES_MAX = 0xffff_ffff;

export const onceRowFormat: RowFormat<OnceRow> = {
  section: 10,
  name: "once",
  write: (writer, { time, digest, result }) => {
    writer.u53(time).text(digest).text(result);
  },
  read: (reader) => Object.freeze({ time: reader.u53(), digest: reader.text(), result: reader.text(RESULT_BYTES_MAX) }),
  hash: (hasher, { time, digest, result }) => {
    hasher.number(time).bytes(utf8(digest)).bytes(utf8(result));
  },
  sizeBytes: ({ result }) => result.length + OWN_BYTES,
};
