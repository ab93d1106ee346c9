import { entrySize, type Message } from "../raft/index.ts";

/** A frame is not made longer than this, unless a single message is. Far below what a peer takes. */
const FRAME_BYTES_WANTED = 1024 * 1024;
/** More than any message takes besides its entries. */
const MESSAGE_BYTES = 256;

/** Messages that travel together. */
export interface MessageFrame {
  readonly messages: readonly Message[];
  /** It carries entries: when too much is queued already, it may be dropped. */
  readonly isBulk: boolean;
  /** At least what its bytes will be. */
  readonly bytesMax: number;
}

/**
 * Messages to one peer, in order. A leader may send its whole window of appends in one turn: together they would be more
 * than a frame may hold, and a peer that gets such a frame drops the connection.
 */
export function framesOf(messages: readonly Message[]): readonly MessageFrame[] {
  const frames: MessageFrame[] = [];
  let current: Message[] = [];
  let bytesMax = 0;
  let isBulk = false;
  for (const message of messages) {
    const entryBytes = entryBytesOf(message);
    if (current.length > 0 && bytesMax + entryBytes + MESSAGE_BYTES > FRAME_BYTES_WANTED) {
      frames.push({ messages: current, isBulk, bytesMax });
      [current, bytesMax, isBulk] = [[], 0, false];
    }
    current.push(message);
    bytesMax += entryBytes + MESSAGE_BYTES;
    isBulk ||= entryBytes > 0;
  }
  if (current.length > 0) frames.push({ messages: current, isBulk, bytesMax });
  return frames;
}

function entryBytesOf(message: Message): number {
  if (message.kind !== "append") return 0;
  let bytes = 0;
  for (const entry of message.entries) bytes += entrySize(entry);
  return bytes;
}
