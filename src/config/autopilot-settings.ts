import type { Setting } from "./setting.ts";

const DAY_MS = 86_400_000;

/** First values: the cluster's own, once somebody sets them, go before. */
export const AUTOPILOT_SETTINGS: readonly Setting[] = [
  {
    key: "autopilot.cleanup_dead_servers",
    kind: "flag",
    standard: "true",
    help: "remove voters that are gone for good",
  },
  {
    key: "autopilot.last_contact_threshold",
    kind: "duration",
    standard: "500ms",
    min: 100,
    max: DAY_MS,
    help: "a server that was not heard for longer is not healthy",
  },
  {
    key: "autopilot.max_trailing_logs",
    kind: "integer",
    standard: "1000",
    min: 0,
    help: "a server that is more entries behind is not healthy",
  },
  {
    key: "autopilot.min_quorum",
    kind: "integer",
    standard: "0",
    min: 0,
    help: "dead servers are removed down to this many that vote or stand by; demotions are not its concern",
  },
  {
    key: "autopilot.dead_server_after",
    kind: "duration",
    standard: "10m",
    min: 1000,
    max: DAY_MS,
    help: "a server that was not heard for this long is gone for good",
  },
  {
    key: "autopilot.server_stabilization_time",
    kind: "duration",
    standard: "10s",
    max: DAY_MS,
    help: "how long a server is healthy before it votes, or is not before another takes over; none while the cluster forms",
  },
  {
    key: "autopilot.redundancy_zones",
    kind: "flag",
    standard: "false",
    help: "one voter in each zone (raft.zone); the other servers of a zone stand by",
  },
  {
    key: "autopilot.upgrade_migration",
    kind: "flag",
    standard: "true",
    help: "servers of a newer release take over from the voters together, once they are as many",
  },
];
