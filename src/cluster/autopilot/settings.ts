/** Times in ms. Replicated: the same on all nodes. */
export interface AutopilotSettings {
  readonly cleanupDeadServers: boolean;
  readonly lastContactThresholdMs: number;
  readonly trailingLogsMax: number;
  /** So many voters, and servers that may vote, are left where dead ones are removed. How many vote is not its concern. */
  readonly minQuorum: number;
  /** A server that was not heard for this long is taken for gone for good. */
  readonly deadServerAfterMs: number;
  /** A server is healthy for this long before it becomes a voter, and is not for this long before another takes over. */
  readonly stabilizationMs: number;
  /** One voter in each zone; the other servers of a zone stand by. */
  readonly hasRedundancyZones: boolean;
  /** Servers of a newer release wait until they can take over from the voters together. */
  readonly hasUpgradeMigration: boolean;
}
