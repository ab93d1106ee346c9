import type { Command, Position } from "../command.ts";
import { client } from "./client-command.ts";

const NODE: Position = { name: "ID", help: "id of the node" };

/** The cluster and its members. */
export const CLUSTER_COMMANDS: readonly Command[] = [
  client("cluster autopilot get", "shows autopilot's settings", {
    run: async (call) => (await import("../autopilot-commands.ts")).get(call),
  }),
  client("cluster autopilot set", "changes autopilot's settings, for the whole cluster", {
    positions: [{ name: "NAME=VALUE", help: "such as min_quorum=3 or dead_server_after=1h", isRepeatable: true }],
    run: async (call) => (await import("../autopilot-commands.ts")).set(call),
  }),
  client("cluster autopilot state", "shows the servers as autopilot sees them", {
    run: async (call) => (await import("../autopilot-commands.ts")).state(call),
  }),
  client("health", "shows how the agent is; exits 0 when it is healthy or degraded", {
    flags: [
      { name: "live", help: "exits 0 when its process runs" },
      { name: "ready", help: "exits 0 when it has a leader and is up to date" },
    ],
    run: async (call) => (await import("../health-command.ts")).health(call),
  }),
  client("cluster status", "shows the cluster as its leader sees it", {
    flags: [
      { name: "watch", help: "again and again, until it is interrupted; with --json one line each" },
      { name: "interval", value: "DURATION", help: "with --watch: how often (default: 2s)" },
    ],
    run: async (call) => (await import("../cluster-commands.ts")).status(call),
  }),
  client("cluster leader", "shows who leads", {
    run: async (call) => (await import("../cluster-commands.ts")).leader(call),
  }),
  client("cluster peers", "shows the members", {
    run: async (call) => (await import("../cluster-commands.ts")).peers(call),
  }),
  client("cluster config", "shows the membership in force as this node knows it: voters, learners, cluster version", {
    run: async (call) => (await import("../cluster-commands.ts")).config(call),
  }),
  client("cluster snapshot", "makes the leader take a snapshot of its state now (a backup: snapshot save)", {
    flags: [{ name: "local", help: "the agent asked takes it, whether it leads or not" }],
    run: async (call) => (await import("../cluster-commands.ts")).snapshot(call),
  }),
  client("cluster health", "shows who does not answer; exits 0 when there is a leader and all voters answer", {
    run: async (call) => (await import("../cluster-commands.ts")).clusterHealth(call),
  }),
  client(
    "cluster upgrade finalize",
    "raises the cluster version to what all members understand; there is no way back",
    {
      run: async (call) => (await import("../upgrade-commands.ts")).finalize(call),
    },
  ),
  client("cluster upgrade", "shows the cluster version and what each member runs", {
    run: async (call) => (await import("../upgrade-commands.ts")).upgrade(call),
  }),
  client("cluster join", "lets a node into the cluster that waits for an invitation", {
    flags: [
      { name: "address", value: "HOST:PORT", help: "its peer port, as the leader reaches it (required)" },
      { name: "id", value: "ID", help: "only if the node that answers there has this id" },
    ],
    run: async (call) => (await import("../membership-commands.ts")).join(call),
  }),
  client("leave", "the agent hands over, leaves the cluster and stops", {
    run: async (call) => (await import("../membership-commands.ts")).leaveHere(call),
  }),
  client("cluster leave", "removes a node from the cluster", {
    flags: [{ name: "node", value: "ID", help: "the node that is to leave (required)" }],
    run: async (call) => (await import("../membership-commands.ts")).leave(call),
  }),
  client("cluster transfer", "moves leadership to another node", {
    flags: [{ name: "to", value: "ID", help: "the node that is to lead (default: the one that fits best)" }],
    run: async (call) => (await import("../membership-commands.ts")).transfer(call),
  }),
  client("cluster promote", "makes a learner a voter", {
    positions: [NODE],
    run: async (call) => (await import("../membership-commands.ts")).changeRole(call, "promote"),
  }),
  client("cluster demote", "makes a voter a learner until it is promoted again", {
    positions: [NODE],
    run: async (call) => (await import("../membership-commands.ts")).changeRole(call, "demote"),
  }),
];
