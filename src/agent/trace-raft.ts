import type { Clock, MemberKey } from "../base/index.ts";
import type { RaftNode } from "../node/index.ts";
import { TracedEntries, type Span, type TracedEntry, type Tracing } from "../telemetry/index.ts";

export interface TraceRaftOptions {
  readonly tracing: Tracing;
  readonly node: RaftNode;
  readonly clock: Clock;
  /** Tells a member which entries belong to a trace, ahead of the message that carries them. */
  readonly tell: (to: MemberKey, entries: readonly TracedEntry[]) => void;
}

/**
 * Spans of what the Raft node does, from what its driver observes. Which entries belong to a trace is no part of the
 * log: the leader tells it to the followers beside the log, over the same connection. What a leader gives back takes
 * what followers were told.
 */
export function traceRaft(options: TraceRaftOptions): (entries: readonly TracedEntry[]) => void {
  const { tracing, node, clock, tell } = options;
  const entries = new TracedEntries(tracing, clock);
  const told: TracedEntry[] = [];
  node.observe({
    onTraced: ({ index, term, trace }) => {
      const entry = { index, term, traceparent: trace };
      entries.expect(entry);
      told.push(entry);
    },
    // Called for the same step of the core, before its messages leave.
    onAppend: (appended) => {
      entries.append(appended);
      if (told.length === 0) return;
      const batch = told.splice(0);
      const { core, self } = node.status();
      for (const key of core.membership.members.keys()) if (key !== self) tell(key, batch);
    },
    onPersist: ({ last }) => {
      if (last !== undefined) entries.durable(last);
    },
    onCommitted: (index) => entries.committed(index),
    onApplied: (index) => entries.applied(index),
    onObservation: (observation) => {
      if (observation.kind === "truncated") entries.truncated(observation.from);
    },
  });
  traceElections(options);
  traceSnapshots(options);
  return (heard) => {
    for (const entry of heard) entries.expect(entry);
  };
}

/** From the first campaign to the end of it, by winning or by hearing of somebody who did. */
function traceElections({ tracing, node }: TraceRaftOptions): void {
  let campaign: Span | undefined;
  node.observe({
    onObservation: (observation) => {
      if (observation.kind !== "role") return;
      const { role, term, reason } = observation;
      if (role === "pre-candidate" || role === "candidate") {
        campaign ??= tracing.start("raft.election", {
          parent: undefined,
          fields: { "raft.term": term, "raft.reason": reason },
        });
        return;
      }
      const outcome = role === "leader" ? "won" : "not won";
      campaign?.end({ "raft.term": term, "raft.role": role, "raft.election.outcome": outcome });
      campaign = undefined;
    },
  });
}

function traceSnapshots({ tracing, node, clock }: TraceRaftOptions): void {
  const trace = (
    name: string,
    measure: { readonly durationMs: number; readonly sizeBytes: number; readonly index: number },
    more: { readonly fields?: Readonly<Record<string, string>>; readonly failure?: string } = {},
  ): void => {
    const { durationMs, sizeBytes, index } = measure;
    const fields = {
      "raft.index": index,
      "raft.term": node.status().core.term,
      "raft.bytes": sizeBytes,
      ...more.fields,
    };
    tracing.start(name, { parent: undefined, startedAt: clock.wall() - durationMs, fields }).end({}, more.failure);
  };
  node.observe({
    onSnapshot: (measure) => trace("raft.snapshot.take", measure),
    onSnapshotSent: ({ to, isOk, ...measure }) => {
      const failure = isOk ? {} : { failure: "it was not taken whole" };
      trace("raft.snapshot.send", measure, { fields: { "raft.peer": to }, ...failure });
    },
    onSnapshotInstalled: (measure) => trace("raft.snapshot.install", measure),
  });
}
