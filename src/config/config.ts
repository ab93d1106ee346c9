/** Where certificates are; empty: none. */
export interface TlsPaths {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** The settings of one node, checked. Times in ms, sizes in bytes. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Empty: host and port. */
  readonly httpAdvertiseAddress: string;
  readonly dataDir: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly logFormat: "text" | "json";
  readonly services: {
    /** 0: none. */
    readonly ttlMs: number;
    /** 0: never; undefined: 10 TTLs. */
    readonly deregisterAfterMs: number | undefined;
  };
  /** Networks in the form that `parseNetwork` reads. */
  readonly checks: { readonly allow: readonly string[] };
  readonly followerWrites: "redirect" | "forward";
  readonly raft: {
    readonly isEnabled: boolean;
    /** Empty: made at the first start. */
    readonly nodeId: string;
    readonly nodeName: string;
    readonly bindAddress: string;
    readonly advertiseAddress: string;
    readonly tls: TlsPaths & {
      readonly isEnabled: boolean;
      readonly isNameChecked: boolean;
      readonly minVersion: "1.2" | "1.3";
    };
    readonly isBootstrap: boolean;
    /** 0: off. */
    readonly bootstrapExpect: number;
    /** Where log and snapshots are. */
    readonly dataDir: string;
    readonly resyncIntervalMs: number;
    readonly joinAddresses: readonly string[];
    readonly joinTokens: readonly string[];
    readonly joinTokenFile: string;
    readonly zone: string;
    readonly isNonVoter: boolean;
    readonly heartbeatTimeoutMs: number;
    readonly electionTimeoutMs: number;
    readonly leaderLeaseTimeoutMs: number;
    readonly snapshotIntervalMs: number;
    readonly snapshotThreshold: number;
    readonly snapshotLogBytes: number;
    readonly trailingLogs: number;
  };
  /** Of the API. */
  readonly tls: TlsPaths & { readonly isEnabled: boolean; readonly areClientsChecked: boolean };
  readonly acl: {
    readonly isEnabled: boolean;
    readonly isAllowedByDefault: boolean;
    readonly staleMsMax: number;
    readonly isMetricsPublic: boolean;
  };
  /** First values: the cluster's own, once somebody sets them, go before. */
  readonly autopilot: {
    readonly cleanupDeadServers: boolean;
    readonly lastContactThresholdMs: number;
    readonly trailingLogsMax: number;
    readonly minQuorum: number;
    readonly deadServerAfterMs: number;
    readonly stabilizationMs: number;
    readonly hasRedundancyZones: boolean;
    readonly hasUpgradeMigration: boolean;
  };
  readonly snapshots: {
    /** To other nodes, at once. */
    readonly sendsMax: number;
    /** Of each that is sent; Infinity: as fast as it goes. */
    readonly bytesPerSecond: number;
  };
  readonly limits: {
    readonly keyBytesMax: number;
    readonly txnBytesMax: number;
    readonly valueBytesMax: number;
    readonly inflightBytesMax: number;
    readonly recursiveDeleteMax: number;
    readonly watchersMax: number;
    readonly waitMsMax: number;
    readonly requestTimeoutMs: number;
    readonly shutdownTimeoutMs: number;
    readonly diskReserveBytes: number;
    readonly watchWindow: number;
    readonly page: number;
    readonly stateBytesMax: number;
  };
  /** Beyond these a node is not ready. */
  readonly health: {
    readonly lagEntriesMax: number;
    readonly lagMsMax: number;
    readonly lastContactMsMax: number;
    readonly recentElectionsMax: number;
  };
  readonly corsOrigins: readonly string[];
  /** Requests a second for each client address; 0: no limit. */
  readonly rateLimit: number;
  readonly hasSwagger: boolean;
  readonly tracing: {
    readonly isEnabled: boolean;
    /** Full URL of the collector's traces. */
    readonly endpoint: string;
    /** 0 to 1, of the traces that begin here. */
    readonly sampleRatio: number;
  };
  readonly isInsecure: boolean;
}
