import type { LogIndex, MemberKey } from "../../../src/base/index.ts";
import type { Persist } from "../../../src/raft/index.ts";
import type { LogImage } from "../disk/log-image.ts";
import type { Fail } from "./reporter.ts";

/** A log that holds the end of a snapshot keeps what follows it: that may be acknowledged. @see Raft §7, Figure 13 */
export function checkReset(by: MemberKey, before: LogImage, operations: readonly Persist[], fail: Fail): void {
  let { lastIndex } = before;
  for (const { reset, truncateFrom } of operations) {
    if (truncateFrom !== undefined) lastIndex = Math.min(lastIndex, truncateFrom - 1);
    if (reset === undefined) continue;
    if (reset.index < lastIndex && before.idAt(reset.index)?.chain === reset.chain) {
      fail(
        "a snapshot keeps the log behind it",
        `${by} has the log up to ${lastIndex} and resets it to ${reset.index}`,
      );
    }
    return;
  }
}

/** A log is not compacted past the oldest snapshot beside it: a damaged newest one still leaves a way back. */
export function checkCompacted(
  by: MemberKey,
  before: { readonly log: LogImage; readonly oldestSnapshot: LogIndex },
  operations: readonly Persist[],
  fail: Fail,
): void {
  // Damaged entries are removed up to a snapshot that contains them: nothing leads from an older one past them anyway.
  if (before.log.rotten.size > 0) return;
  for (const { compactTo } of operations) {
    if (compactTo === undefined || compactTo.index <= Math.max(before.log.base.index, before.oldestSnapshot)) continue;
    fail(
      "the log is kept behind the oldest snapshot",
      `${by} compacts its log to ${compactTo.index} and has a snapshot at ${before.oldestSnapshot}`,
    );
  }
}

/** The state never jumps ahead of the disk: the log's reset is durable first. */
export function checkInstalled(by: MemberKey, log: LogImage, index: LogIndex, fail: Fail): void {
  if (log.base.index >= index || log.idAt(index) !== undefined) return;
  fail("installs what is durable", `${by} has restored ${index}, and its disk has the log up to ${log.lastIndex}`);
}

/** An acknowledgement is about the entry that its leader has there, not about another one with the same index. */
export function checkAcknowledged(
  reply: { readonly from: MemberKey; readonly to: MemberKey; readonly term: number; readonly match: LogIndex },
  logs: { readonly own: LogImage; readonly leader: LogImage | undefined },
  fail: Fail,
): void {
  // In a later term the leader's own log may have given way to another.
  if (logs.leader?.hard.term !== reply.term) return;
  const own = logs.own.idAt(reply.match);
  const wanted = logs.leader.idAt(reply.match);
  if (own === undefined || wanted === undefined || own.chain === wanted.chain) return;
  fail(
    "promises are durable",
    `${reply.from} acknowledges ${reply.match} of ${reply.to}, its disk has another entry there, of term ${own.term}`,
  );
}
