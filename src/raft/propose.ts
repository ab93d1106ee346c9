import { assert, type LogIndex } from "../base/index.ts";
import type { Refusal } from "./effects.ts";
import type { RaftEvent } from "./event.ts";
import { appendOwn } from "./leader.ts";
import type { Leading, State } from "./state.ts";

/** Appends all commands or none. Once appended, whatever happens, the outcome is no refusal any more. */
export function onPropose(s: State, event: Extract<RaftEvent, { kind: "propose" }>): void {
  const { request, commands } = event;
  assert(commands.length > 0, "A proposal must have commands");
  const { leading } = s;
  const refusal = leading === undefined ? notLeader(s) : refusalOf(s, leading);
  if (leading === undefined || refusal !== undefined) {
    s.out.done(request, { kind: "refused", refusal: refusal ?? notLeader(s) });
    return;
  }
  const index = s.log.lastIndex + 1;
  appendOwn(s, leading, "command", commands);
  s.out.accept(request, index, commands.length, s.hard.term);
}

/** Entries up to `index` are applied here: they make room for proposals. */
export function onApplied(s: State, index: LogIndex): void {
  assert(index <= s.commit, () => `Nothing uncommitted may be applied: ${index} is, commit is ${s.commit}`);
  if (index <= s.applied) return;
  s.applied = index;
  s.log.cache.evict(Math.min(s.applied, s.durability.index));
  const { leading } = s;
  if (leading === undefined) return;
  let freed = 0;
  for (const { last, bytes } of leading.unapplied) {
    if (last > index) break;
    leading.unappliedBytes -= bytes;
    freed += 1;
  }
  if (freed > 0) leading.unapplied.splice(0, freed);
}

function refusalOf(s: State, leading: Leading): Refusal | undefined {
  if (s.isStopping) return { kind: "stopping" };
  if (s.isDiskFull) return { kind: "disk-full" };
  if (leading.transfer !== undefined) return { kind: "transfer-in-progress" };
  if (leading.unappliedBytes > s.options.limits.unappliedBytesMax) return { kind: "overloaded" };
  return undefined;
}

function notLeader(s: State): Refusal {
  return { kind: "not-leader", leader: s.leader };
}
