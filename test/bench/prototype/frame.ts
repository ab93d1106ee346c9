/** On the wire: size of what follows, first index, then each entry as its size and its bytes; all numbers u32. */
const HEAD_BYTES = 8;

export interface Batch {
  readonly first: number;
  readonly entries: readonly Uint8Array[];
}

export function encodeBatch({ first, entries }: Batch): Buffer {
  const size = entries.reduce((sum, { byteLength }) => sum + 4 + byteLength, HEAD_BYTES);
  const frame = Buffer.allocUnsafe(size);
  frame.writeUInt32LE(size - 4, 0);
  frame.writeUInt32LE(first, 4);
  let at = HEAD_BYTES;
  for (const bytes of entries) {
    frame.writeUInt32LE(bytes.byteLength, at);
    frame.set(bytes, at + 4);
    at += 4 + bytes.byteLength;
  }
  return frame;
}

/** Takes bytes as they arrive, gives each whole batch. */
export function createBatchReader(onBatch: (batch: Batch) => void): (bytes: Buffer) => void {
  let kept = Buffer.alloc(0);
  return (bytes) => {
    kept = kept.byteLength === 0 ? Buffer.from(bytes) : Buffer.concat([kept, bytes]);
    while (kept.byteLength >= 4 && kept.byteLength >= 4 + kept.readUInt32LE(0)) {
      const end = 4 + kept.readUInt32LE(0);
      const entries: Uint8Array[] = [];
      for (let at = HEAD_BYTES; at < end;) {
        const size = kept.readUInt32LE(at);
        entries.push(kept.subarray(at + 4, at + 4 + size));
        at += 4 + size;
      }
      onBatch({ first: kept.readUInt32LE(4), entries });
      kept = kept.subarray(end);
    }
  };
}
