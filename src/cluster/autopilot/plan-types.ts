import type { AutopilotSettings } from "./settings.ts";

/** A server as the plan sees it. Times in ms. */
export interface PlannedServer {
  readonly id: string;
  readonly isVoter: boolean;
  readonly isLeader: boolean;
  /** A read replica for good, or demoted by hand: never made a voter. */
  readonly isNonVoter: boolean;
  readonly isHealthy: boolean;
  /** A learner that has shown that it keeps up. */
  readonly isCaughtUp: boolean;
  /** For how long it has been healthy, or has not. */
  readonly stableMs: number;
  readonly silentMs: number;
  /** Empty: a zone of its own. */
  readonly zone: string;
  readonly version: string;
}

/** What a leader knows when it makes a plan. */
export interface PlanInput {
  readonly servers: readonly PlannedServer[];
  readonly settings: AutopilotSettings;
  readonly ledMs: number;
  /** The cluster is young: nothing waits for stability. */
  readonly isForming: boolean;
  /** Why this leader should not lead; undefined: it may. */
  readonly ownTrouble: string | undefined;
}

export type Action =
  | { readonly kind: "remove"; readonly id: string; readonly reason: string }
  /** One change of the membership, joint when it is more than one voter. */
  | {
      readonly kind: "voters";
      readonly promote: readonly string[];
      readonly demote: readonly string[];
      readonly reason: string;
    }
  | { readonly kind: "transfer"; readonly to: string; readonly reason: string };

export interface Plan {
  /** The next thing to do. One at a time, as each changes what is to be done next. */
  readonly action: Action | undefined;
  /** Servers that could be voters and are not yet, and what they wait for. */
  readonly waiting: readonly { readonly id: string; readonly reason: string }[];
}

/** Who of the servers can be judged how. */
export interface Judgement {
  /** May become a voter now. */
  readonly isReady: (server: PlannedServer) => boolean;
  /** A voter that somebody else should stand in for. */
  readonly isFailed: (server: PlannedServer) => boolean;
}
