import type { MemberKey } from "../base/index.ts";
import type { Refusal, RejectionCode } from "./effects.ts";
import type { RequestId } from "./event.ts";
import { becomeFollower } from "./follower.ts";
import type { Progress } from "./progress.ts";
import { send } from "./send.ts";
import type { Leading, State } from "./state.ts";
import { isCounted } from "./trust.ts";

/** An operator wants another leader. @see thesis §3.10 */
export function onTransfer(s: State, request: RequestId, to: MemberKey | undefined): void {
  const { leading } = s;
  if (leading === undefined) return refuse(s, request, { kind: "not-leader", leader: s.leader });
  if (leading.transfer !== undefined || s.transferRequest !== undefined) {
    return refuse(s, request, { kind: "transfer-in-progress" });
  }
  if (to === s.self) return s.out.done(request, { kind: "ok" });
  const problem = to === undefined ? undefined : targetProblem(s, to);
  if (problem !== undefined) return refuse(s, request, problem);
  const target = to ?? bestTarget(s, leading)?.key;
  if (target === undefined) {
    return refuse(
      s,
      request,
      rejection("invalid-target", "Cannot hand over leadership as there must be another voter"),
    );
  }
  s.transferRequest = { request, deadline: s.now + s.options.timing.electionTimeoutMs };
  startTransfer(s, leading, target);
}

/** Hands over without being asked; false: nobody could take it. */
export function handOver(s: State, leading: Leading): boolean {
  if (leading.transfer !== undefined) return true;
  const target = bestTarget(s, leading);
  if (target === undefined) return false;
  startTransfer(s, leading, target.key);
  return true;
}

/** Lets the target campaign once its disk holds all of this log; gives up when that takes too long. */
export function advanceTransfer(s: State, leading: Leading): void {
  const { transfer } = leading;
  if (transfer === undefined) return;
  const progress = leading.progress.get(transfer.to);
  if (s.now >= transfer.deadline || progress === undefined || !isVoter(s, transfer.to)) {
    leading.transfer = undefined;
    s.out.mark("transfer-given-up");
    failTransferRequest(s, `${transfer.to} did not take over in time`);
    if (s.isStopping) leaveWithGoodbye(s, leading);
    return;
  }
  if (progress.match === s.log.lastIndex && !transfer.isSent) {
    transfer.isSent = true;
    sendTimeoutNow(s, transfer.to);
  }
}

/** Says it again with each round: the first may be lost. */
export function repeatTimeoutNow(leading: Leading): void {
  if (leading.transfer !== undefined) leading.transfer.isSent = false;
}

export function sendTimeoutNow(s: State, to: MemberKey): void {
  const { lastIndex, lastTerm } = s.log;
  send(s, { to }, { kind: "timeout-now", requireIndex: lastIndex, requireTerm: lastTerm });
}

/** The request's deadline passed, whoever leads by now. */
export function failTransferRequest(s: State, reason: string): void {
  if (s.transferRequest === undefined) return;
  refuse(s, s.transferRequest.request, rejection("transfer-failed", `Cannot hand over leadership: ${reason}`));
  s.transferRequest = undefined;
}

/** The process ends: followers need not wait for a timeout to replace it. */
export function leaveWithGoodbye(s: State, leading: Leading): void {
  for (const key of leading.progress.keys()) send(s, { to: key }, { kind: "goodbye" });
  if (leading.progress.size > 0 && bestTarget(s, leading) !== undefined) {
    becomeFollower(s, s.hard.term, "this node is stopping");
  }
}

/** The voter that would take over fastest: most of the log, then heard last. */
export function bestTarget(s: State, leading: Leading): Progress | undefined {
  let best: Progress | undefined;
  for (const key of s.members.effective.membership.voters) {
    const progress = leading.progress.get(key);
    if (progress === undefined || !isCounted(s, key)) continue;
    if (best === undefined || isBetter(progress, best)) best = progress;
  }
  return best;
}

function isBetter(a: Progress, b: Progress): boolean {
  return a.match === b.match ? a.contact > b.contact : a.match > b.match;
}

function startTransfer(s: State, leading: Leading, to: MemberKey): void {
  leading.transfer = { to, deadline: s.now + s.options.timing.electionTimeoutMs, isSent: false };
  s.out.mark("transfer-started");
}

function targetProblem(s: State, to: MemberKey): Refusal | undefined {
  if (!s.members.effective.membership.members.has(to)) {
    return rejection("unknown-member", `Cannot hand over leadership to ${to} as it must be a member`);
  }
  if (isVoter(s, to)) return undefined;
  return rejection("invalid-target", `Cannot hand over leadership to ${to} as it must be a voter`);
}

function isVoter(s: State, key: MemberKey): boolean {
  return s.members.effective.membership.voters.includes(key);
}

function refuse(s: State, request: RequestId, refusal: Refusal): void {
  s.out.done(request, { kind: "refused", refusal });
}

function rejection(code: RejectionCode, reason: string): Refusal {
  return { kind: "rejected", code, reason };
}
