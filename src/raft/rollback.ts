import type { BootId, MemberKey } from "../base/index.ts";
import { hasCommittedOwnTerm } from "./commit.ts";
import { appendOwn, checkIntervalMs } from "./leader.ts";
import { encodeCheck, type PairSeq } from "./pair-seq.ts";
import { hasQuorum } from "./quorum.ts";
import { send } from "./send.ts";
import type { Leading, State } from "./state.ts";

/** In the place of a boot id: whichever process speaks for the pair. */
const EVERY_PROCESS = "";
/** Former members that are remembered; members always are. */
const PAIRS_MAX = 1000;

/**
 * How a data folder that was put back to an older copy is found: its own files agree with each other, so the others must
 * know better. Each acknowledgement carries the number of transactions on that disk; the leader writes the highest into
 * the log now and then, snapshots keep them, and a process that was started with fewer than its pair once had is out.
 */
export function learnSeq(s: State, told: PairSeq): void {
  judgeFolder(s, told);
  const known = s.seqs.get(told.key);
  if (known !== undefined && known.seq >= told.seq) return;
  if (s.seqs.size >= PAIRS_MAX) forgetFormerMembers(s);
  s.seqs.set(told.key, told);
}

/** What a `check` entry and a snapshot carry. */
export function memberSeqs(s: State): readonly PairSeq[] {
  const seqs = [...s.seqs.values()].filter(({ key }) => isMember(s, key));
  return seqs.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** Writes down what the pairs acknowledged, soon after there was something to acknowledge: an idle log stays as it is. */
export function logSeqs(s: State, leading: Leading): void {
  const isQuiet = leading.checkedTo === s.log.lastIndex || s.now < leading.checkAt;
  if (isQuiet || leading.progress.size === 0 || !hasCommittedOwnTerm(s, leading)) return;
  if (leading.transfer !== undefined || s.isStopping || s.isDiskFull) return;
  leading.checkAt = s.now + checkIntervalMs(s);
  learnSeq(s, { key: s.self, boot: s.options.boot, seq: s.durability.seq });
  appendOwn(s, leading, "check", [encodeCheck(memberSeqs(s))]);
  leading.checkedTo = s.log.lastIndex;
}

/** This process speaks for its pair from now on: what was found about the one before does not burden it. */
export function judgeProcess(s: State, { key, boot }: { readonly key: MemberKey; readonly boot: BootId }): void {
  const judged = s.distrusted.get(key);
  if (judged !== EVERY_PROCESS && judged !== boot) s.distrusted.delete(key);
  const known = s.seqs.get(key);
  if (known !== undefined) judgeFolder(s, known);
}

/**
 * Compares what the pair's process was started with to what another process of it acknowledged. Both are facts that do
 * not change while it lives, so it does not matter which of them is heard first, nor how late.
 */
function judgeFolder(s: State, { key, boot, seq }: PairSeq): void {
  const peer = s.peers.get(key);
  if (peer?.startSeq === undefined || peer.boot === undefined) return;
  if (key === s.self || s.distrusted.has(key)) return;
  if (boot === peer.boot || peer.startSeq >= seq) return;
  // Nobody is accused if too few trusted voters were left to go on.
  const isTrusted = (voter: MemberKey): boolean => voter !== key && !s.distrusted.has(voter);
  if (!hasQuorum(s.members.effective.membership, isTrusted)) {
    s.out.mark("rolled-back-not-accused");
    return;
  }
  s.distrusted.set(key, peer.boot);
  s.out.mark("rolled-back-accused");
  tellRolledBack(s, key);
}

/** Its own word is enough, whoever is left: it will not serve any more, and no process may believe its folder again. */
export function onConfession(s: State, key: MemberKey): void {
  if (key === s.self) return;
  s.distrusted.set(key, EVERY_PROCESS);
  s.out.mark("confession-heard");
  if (s.leading !== undefined) s.leading.isCommitDirty = true;
}

/** Names the process: another one of this pair may have found its folder whole. */
export function tellRolledBack(s: State, key: MemberKey): void {
  const boot = s.distrusted.get(key) ?? EVERY_PROCESS;
  send(s, { to: key }, { kind: "replaced", reason: "rolled-back", at: s.commit, boot });
}

/** Also in the committed membership: what is in force may be undone yet. */
function isMember(s: State, key: MemberKey): boolean {
  const { effective, committed } = s.members;
  return effective.membership.members.has(key) || committed.membership.members.has(key);
}

function forgetFormerMembers(s: State): void {
  for (const key of s.seqs.keys()) if (!isMember(s, key)) s.seqs.delete(key);
}
