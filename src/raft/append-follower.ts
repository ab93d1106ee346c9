import { assert, type BootId, type LogIndex, type MemberKey } from "../base/index.ts";
import { commitTo } from "./commit.ts";
import { chainAfter, type Entry, type EntryId } from "./entry.ts";
import { heardLeader } from "./follower.ts";
import { decodeMembership } from "./membership-codec.ts";
import type { Append } from "./message.ts";
import { decodeCheck } from "./pair-seq.ts";
import { publishMembership } from "./role.ts";
import { learnSeq } from "./rollback.ts";
import { send } from "./send.ts";
import type { State } from "./state.ts";

interface From {
  readonly key: MemberKey;
  readonly boot: BootId;
}

/** Takes an append of the current term's leader. @see Raft §5.3 */
export function onAppend(s: State, from: From, append: Append): void {
  heardLeader(s, from.key, from.boot);
  if (!isSound(append, s.log.base)) {
    s.out.observe({ kind: "dropped", reason: "an append whose entries do not fit together", from: from.key });
    return;
  }
  const { log } = s;
  const { prevIndex, prevTerm, entries } = append;
  if (prevIndex > log.lastIndex) return reject(s, from.key, append);
  // What is below the base is committed, so the leader's log and this one are equal there.
  if (prevIndex >= log.base.index && prevIndex > 0) {
    if (log.termAt(prevIndex) !== prevTerm) {
      assert(prevIndex > s.commit, () => `The leader's log must hold the committed entry ${prevIndex}`);
      return reject(s, from.key, append);
    }
    if (log.chainAt(prevIndex) !== append.prevChain) return diverged(s, from.key, prevIndex);
  }
  if (!store(s, from.key, entries)) return;
  const matched = prevIndex + entries.length;
  commitTo(s, Math.min(append.commit, matched));
  accept(s, from.key, append, matched);
}

/** False: a silent divergence or a version that is unknown here was found, nothing was stored. */
function store(s: State, from: MemberKey, entries: readonly Entry[]): boolean {
  const { log } = s;
  let fresh = 0;
  for (const entry of entries) {
    if (entry.index > log.lastIndex) break;
    if (entry.index >= log.base.index) {
      if (log.termAt(entry.index) !== entry.term) break;
      if (log.chainAt(entry.index) !== entry.chain) {
        diverged(s, from, entry.index);
        return false;
      }
    }
    fresh += 1;
  }
  const first = entries[fresh];
  if (first === undefined) return true;
  for (let i = fresh; i < entries.length; i += 1) if (isTooNew(s, entries[i])) return false;
  if (first.index <= log.lastIndex) truncate(s, first.index);
  for (let i = fresh; i < entries.length; i += 1) {
    const entry = entries[i];
    if (entry !== undefined) storeOne(s, entry);
  }
  return true;
}

function storeOne(s: State, entry: Entry): void {
  s.log.append(entry);
  s.out.append(entry);
  if (entry.kind === "check") for (const told of decodeCheck(entry.data)) learnSeq(s, told);
  if (entry.kind !== "membership") return;
  s.members.append({ index: entry.index, membership: decodeMembership(entry.data) });
  publishMembership(s);
}

/** Removes own entries for the leader's: only from a real conflict on, and never what is committed. */
function truncate(s: State, from: LogIndex): void {
  assert(from > s.commit, () => `The committed entry ${from} must not be truncated: commit is ${s.commit}`);
  s.log.truncate(from);
  s.durability.onTruncated(from);
  s.out.truncateFrom(from);
  s.out.observe({ kind: "truncated", from });
  if (s.members.truncate(from)) publishMembership(s);
}

function accept(s: State, to: MemberKey, append: Append, matched: LogIndex): void {
  // Up to the commit index the logs are equal, wherever the append starts.
  const equalTo = Math.max(matched, s.commit);
  // A heartbeat is answered at once with what is durable; for entries the answer waits for the disk.
  const match = append.entries.length === 0 ? Math.min(equalTo, s.durability.index) : matched;
  const { round, session } = append;
  send(
    s,
    { to, durableTo: match },
    {
      kind: "append-reply",
      ok: true,
      match,
      hintIndex: 0,
      hintTerm: 0,
      round,
      session,
      needSnapshot: false,
      seq: s.durability.seq,
      applied: s.applied,
    },
  );
}

/** Tells from where to go on: the last own entry whose term the leader may have too. */
function reject(s: State, to: MemberKey, { prevIndex, prevTerm, round, session }: Append): void {
  const hintIndex = s.log.lastIndexOfTermAtMost(prevIndex, prevTerm);
  send(
    s,
    { to },
    {
      kind: "append-reply",
      ok: false,
      match: prevIndex,
      hintIndex,
      hintTerm: s.log.termAt(hintIndex) ?? 0,
      round,
      session,
      needSnapshot: false,
      seq: s.durability.seq,
      applied: s.applied,
    },
  );
}

/** Whether from this entry on the log may say what this program does not understand. */
function isTooNew(s: State, entry: Entry | undefined): boolean {
  if (entry?.kind !== "membership") return false;
  const version = decodeMembership(entry.data).clusterVersion;
  if (version <= s.options.commandVersion) return false;
  s.out.observe({ kind: "version-unknown", version });
  return true;
}

function diverged(s: State, peer: MemberKey, index: LogIndex): void {
  s.out.observe({ kind: "diverged", index, term: s.log.termAt(index) ?? 0, peer });
}

/** Whether indexes, terms and chains of the entries follow from the one before them. */
function isSound({ entries, prevIndex, prevTerm, prevChain }: Append, base: EntryId): boolean {
  let index = prevIndex;
  let term = prevTerm;
  let chain = prevIndex === base.index ? base.chain : prevChain;
  for (const entry of entries) {
    // A leader that compacted does not know the chain at 0; here it is known, unless compacted too.
    const isUnknown = entry.index === 1 && base.index > 0;
    if (entry.index !== index + 1 || entry.term < term) return false;
    if (!isUnknown && chainAfter(chain, entry) !== entry.chain) return false;
    ({ index, term, chain } = entry);
  }
  return true;
}
