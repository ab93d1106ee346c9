import type { Command, Flag, Position } from "../command.ts";
import { CONSISTENT, client } from "./client-command.ts";

const SERVICE: Position = { name: "NAME", help: "name of the service" };
const SERVICE_FILTERS: readonly Flag[] = [
  { name: "tag", value: "TAG", help: "only instances with this tag" },
  { name: "meta", value: "NAME:VALUE", help: "only instances with this field" },
];

/** The registry of services. */
export const SERVICE_COMMANDS: readonly Command[] = [
  client("service list", "lists services", {
    flags: [...SERVICE_FILTERS, CONSISTENT],
    run: async (call) => (await import("../service-commands.ts")).list(call),
  }),
  client("service get", "lists the instances of a service", {
    positions: [SERVICE],
    flags: [{ name: "passing", help: "only those that pass" }, ...SERVICE_FILTERS, CONSISTENT],
    run: async (call) => (await import("../service-commands.ts")).get(call),
  }),
  client("service register", "registers an instance of a service, or changes it", {
    positions: [SERVICE],
    flags: [
      { name: "address", value: "HOST", help: "where it listens (required)" },
      { name: "port", value: "PORT", help: "0 to 65535" },
      { name: "id", value: "ID", help: "tells instances of one name apart (default: the name)" },
      { name: "tag", value: "TAG", help: "tag to find it by", isRepeatable: true },
      { name: "meta", value: "NAME=VALUE", help: "field to find it by", isRepeatable: true },
      { name: "ttl", value: "DURATION", help: "turns critical without a heartbeat for so long" },
      { name: "check-http", value: "URL", help: "the cluster asks for it, and 2xx passes", isRepeatable: true },
      { name: "check-tcp", value: "HOST:PORT", help: "the cluster connects to it", isRepeatable: true },
      { name: "check-interval", value: "DURATION", help: "how often those checks run (default: 10s)" },
    ],
    run: async (call) => (await import("../service-commands.ts")).register(call),
  }),
  client("service deregister", "removes an instance of a service, or all", {
    positions: [SERVICE],
    flags: [{ name: "id", value: "ID", help: "only this instance" }],
    run: async (call) => (await import("../service-commands.ts")).deregister(call),
  }),
  client("service heartbeat", "renews the TTL of an instance", {
    positions: [SERVICE],
    flags: [{ name: "id", value: "ID", help: "the instance (default: the one whose id is the name)" }],
    run: async (call) => (await import("../service-commands.ts")).heartbeat(call),
  }),
];
