import type { ProposeOutcome } from "../node/index.ts";
import type { Span, Tracing } from "../telemetry/index.ts";

/** A span inside of the one around this call, if that is recorded. */
export function spanWithin(tracing: Tracing | undefined, name: string): Span | undefined {
  const parent = tracing?.active();
  return parent?.isRecorded === true ? tracing?.start(name, { parent: parent.traceparent }) : undefined;
}

export function endProposal(span: Span, outcome: ProposeOutcome, bytes: number): void {
  const fields = { "raft.bytes": bytes, "raft.outcome": outcome.kind };
  if (outcome.kind === "applied") span.end({ ...fields, "raft.index": outcome.index, "raft.term": outcome.term });
  else if (outcome.kind === "unknown") span.end(fields, outcome.reason);
  // On a follower that is no failure: the write goes on from here to the leader.
  else if (outcome.refusal.kind === "not-leader") span.end({ ...fields, "raft.refusal": outcome.refusal.kind });
  else span.end(fields, outcome.refusal.kind);
}
