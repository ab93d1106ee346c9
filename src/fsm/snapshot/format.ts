/**
 * An encoded state: the format byte, then frames of u32 size (of what follows), u8 tag, payload:
 *
 *   header   index u53, time u53, hash version u8, number of sections u8
 *   section  number u8, rows u53          once for each table, numbers ascending
 *   row      key (u32 size, bytes), then the row as its table writes it; keys ascending by bytes
 *   trailer  rows of all sections u53, state hash (u32 size, 16 hex digits)
 *
 * Parts may be cut anywhere. A checksum over the bytes is the business of the store.
 */
export const SNAPSHOT_FORMAT = 1;

export const FRAME_TAGS = { header: 1, section: 2, row: 3, trailer: 4 } as const;

/** A frame holds one row at most, so a bigger size can only be damage. */
export const FRAME_BYTES_MAX = 16 * 1024 * 1024;
