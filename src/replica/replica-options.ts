import type { Clock } from "../base/index.ts";
import type { KonsulFsm } from "../fsm/index.ts";
import type { RaftNode } from "../node/index.ts";
import type { Tracing } from "../telemetry/index.ts";

export interface ReplicaLimits {
  readonly requestTimeoutMs: number;
  readonly waitMsMax: number;
  readonly watchersMax: number;
  readonly stateBytesMax: number;
}

export interface ReplicaOptions {
  readonly node: RaftNode;
  readonly fsm: KonsulFsm;
  readonly clock: Clock;
  readonly limits: ReplicaLimits;
  /** There is none while tracing is off. */
  readonly tracing?: Tracing;
}
