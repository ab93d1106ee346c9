import { type ByteReader, type ByteWriter, MalformedBytes, type LogIndex, unreachable } from "../base/index.ts";
import {
  ENTRY_KINDS,
  type Append,
  type AppendReply,
  type Entry,
  type Message,
  type MessageBody,
  type MessageHeader,
} from "../raft/index.ts";

/** The order is part of the wire format: append only. */
const MESSAGE_KINDS: readonly MessageBody["kind"][] = [
  "pre-vote",
  "pre-vote-reply",
  "vote",
  "vote-reply",
  "append",
  "append-reply",
  "snapshot-reply",
  "timeout-now",
  "read-index",
  "read-index-reply",
  "stale-term",
  "replaced",
  "goodbye",
];

const REPLACED_REASONS = ["replaced", "removed", "rolled-back"] as const;
const ENTRIES_COUNT_MAX = 1_000_000;

/** Writes a message without what the connection's handshake already said (cluster, epoch, from, boot, to). */
export function writeMessage(out: ByteWriter, message: Message): void {
  out.u8(MESSAGE_KINDS.indexOf(message.kind)).u53(message.term);
  switch (message.kind) {
    case "pre-vote":
      out.u53(message.round).u53(message.lastIndex).u53(message.lastTerm);
      return;
    case "pre-vote-reply":
      out.u53(message.round).u8(message.granted ? 1 : 0);
      return;
    case "vote":
      out
        .u53(message.lastIndex)
        .u53(message.lastTerm)
        .u8(message.transfer ? 1 : 0);
      return;
    case "vote-reply":
      out.u8(message.granted ? 1 : 0);
      return;
    case "append":
      writeAppend(out, message);
      return;
    case "append-reply":
      writeAppendReply(out, message);
      return;
    case "snapshot-reply":
      out
        .u53(message.session)
        .u53(message.index)
        .u8(message.ok ? 1 : 0);
      return;
    case "timeout-now":
      out.u53(message.requireIndex).u53(message.requireTerm);
      return;
    case "read-index":
      out.u53(message.request);
      return;
    case "read-index-reply":
      out
        .u53(message.request)
        .u8(message.ok ? 1 : 0)
        .u53(message.index)
        .u53(message.commit);
      return;
    case "replaced":
      out.u8(REPLACED_REASONS.indexOf(message.reason)).u53(message.at).text(message.boot);
      return;
    case "stale-term":
    case "goodbye":
      return;
    default:
      unreachable(message);
  }
}

function writeAppend(out: ByteWriter, message: Append): void {
  out.u53(message.prevIndex).u53(message.prevTerm).u32(message.prevChain).u53(message.commit);
  out.u53(message.round).u53(message.session).u32(message.entries.length);
  for (const { term, kind, time, chain, data } of message.entries) {
    out.u53(term).u8(ENTRY_KINDS.indexOf(kind)).u53(time).u32(chain).bytes(data);
  }
}

function writeAppendReply(out: ByteWriter, message: AppendReply): void {
  out
    .u8((message.ok ? 1 : 0) | (message.needSnapshot ? 2 : 0))
    .u53(message.match)
    .u53(message.hintIndex);
  out.u53(message.hintTerm).u53(message.round).u53(message.session).u53(message.seq).u53(message.applied);
}

/** Reads one message; the header's other fields come from the connection. @throws MalformedBytes */
export function readMessage(reader: ByteReader, connection: Omit<MessageHeader, "term">): Message {
  const kind = MESSAGE_KINDS[reader.u8()];
  if (kind === undefined) throw new MalformedBytes("Cannot read a message of an unknown kind");
  const term = reader.u53();
  return { ...connection, term, ...readBody(reader, kind) };
}

function readBody(reader: ByteReader, kind: MessageBody["kind"]): MessageBody {
  switch (kind) {
    case "pre-vote":
      return { kind, round: reader.u53(), lastIndex: reader.u53(), lastTerm: reader.u53() };
    case "pre-vote-reply":
      return { kind, round: reader.u53(), granted: readFlag(reader) };
    case "vote":
      return { kind, lastIndex: reader.u53(), lastTerm: reader.u53(), transfer: readFlag(reader) };
    case "vote-reply":
      return { kind, granted: readFlag(reader) };
    case "append":
      return readAppend(reader);
    case "append-reply":
      return readAppendReply(reader);
    case "snapshot-reply":
      return { kind, session: reader.u53(), index: reader.u53(), ok: readFlag(reader) };
    case "timeout-now":
      return { kind, requireIndex: reader.u53(), requireTerm: reader.u53() };
    case "read-index":
      return { kind, request: reader.u53() };
    case "read-index-reply":
      return { kind, request: reader.u53(), ok: readFlag(reader), index: reader.u53(), commit: reader.u53() };
    case "replaced":
      return { kind, reason: readReason(reader), at: reader.u53(), boot: reader.text() };
    case "stale-term":
    case "goodbye":
      return { kind };
    default:
      return unreachable(kind);
  }
}

function readFlag(reader: ByteReader): boolean {
  const value = reader.u8();
  if (value > 1) throw new MalformedBytes(`Cannot read ${value} as a flag`);
  return value === 1;
}

function readReason(reader: ByteReader): (typeof REPLACED_REASONS)[number] {
  const reason = REPLACED_REASONS[reader.u8()];
  if (reason === undefined) throw new MalformedBytes("Cannot read an unknown reason");
  return reason;
}

function readAppend(reader: ByteReader): Append {
  const prevIndex = reader.u53();
  const prevTerm = reader.u53();
  const prevChain = reader.u32();
  const commit = reader.u53();
  const round = reader.u53();
  const session = reader.u53();
  const count = reader.u32();
  if (count > ENTRIES_COUNT_MAX) throw new MalformedBytes(`Cannot read ${count} entries in one message`);
  const entries: Entry[] = [];
  for (let at = 1; at <= count; at += 1) entries.push(readEntry(reader, prevIndex + at));
  return { kind: "append", prevIndex, prevTerm, prevChain, entries, commit, round, session };
}

function readEntry(reader: ByteReader, index: LogIndex): Entry {
  const term = reader.u53();
  const kind = ENTRY_KINDS[reader.u8()];
  if (kind === undefined) throw new MalformedBytes(`Cannot read entry ${index} as its kind is unknown`);
  return { index, term, kind, time: reader.u53(), chain: reader.u32(), data: reader.bytes() };
}

function readAppendReply(reader: ByteReader): AppendReply {
  const flags = reader.u8();
  return {
    kind: "append-reply",
    ok: (flags & 1) !== 0,
    needSnapshot: (flags & 2) !== 0,
    match: reader.u53(),
    hintIndex: reader.u53(),
    hintTerm: reader.u53(),
    round: reader.u53(),
    session: reader.u53(),
    seq: reader.u53(),
    applied: reader.u53(),
  };
}
