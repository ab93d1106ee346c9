import type { AccessTerms } from "./access.ts";
import type { KvCounters } from "./kv-counters.ts";
import type { Clock } from "../base/index.ts";
import type { Registry, Replica, SessionKeeper } from "../replica/index.ts";
import type { ServiceDefaults } from "./service-body.ts";
import type { AutopilotSettings, AutopilotView, ClusterHealth, InviteOutcome } from "../cluster/index.ts";
import type { Forward } from "./forward.ts";
import type { Logger, Metrics, Tracing } from "../telemetry/index.ts";

/** Dials an address and lets the node in that answers there. */
export type Invite = (address: string, id: string | undefined) => Promise<InviteOutcome>;

/** What the routes work with. */
export interface HttpDeps {
  readonly replica: Replica;
  readonly registry: Registry;
  readonly sessions: SessionKeeper;
  readonly services: ServiceDefaults;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** There is none while tracing is off. */
  readonly tracing?: Tracing;
  readonly clock: Clock;
  readonly limits: {
    readonly keyBytesMax: number;
    readonly txnBytesMax: number;
    readonly valueBytesMax: number;
    readonly recursiveDeleteMax: number;
    readonly page: number;
    readonly watchersMax: number;
    readonly requestTimeoutMs: number;
  };
  readonly health: {
    readonly lagEntriesMax: number;
    readonly lagMsMax: number;
    readonly lastContactMsMax: number;
    readonly recentElectionsMax: number;
  };
  readonly access: AccessTerms;
  /** The file by which the machine's owner asks for a new first token. */
  readonly aclReset: { readonly file: string; readonly read: () => number; readonly clear: () => void };
  readonly autopilot: {
    readonly health: () => ClusterHealth;
    readonly view: () => AutopilotView;
    readonly settings: () => AutopilotSettings;
  };
  /** What a support bundle shows. */
  readonly debug: {
    readonly settings: unknown;
    readonly recentLines: () => readonly string[];
    /** Every thread of this process lets go of what it holds on to for nothing. */
    readonly collect: () => Promise<void>;
  };
  readonly version: string;
  /** When this process began, by the wall clock of that moment. */
  readonly startedAtMs: number;
  readonly clusterId: string;
  readonly epoch: { readonly counter: number; readonly random: string };
  readonly hasSwagger: boolean;
  /** Set: writes that came to a follower are handed to the leader, instead of sending the client there. */
  readonly forward?: Forward;
  /** Reaches the leader whatever `follower_writes` says; there is none where a node runs alone. */
  readonly askLeader?: Forward;
  readonly invite?: Invite;
  /** Ends this process gracefully. */
  readonly stopNode: () => void;
}

/** With what the routes make for themselves. */
export interface RouteDeps extends HttpDeps {
  readonly kvCounters: KvCounters;
}
