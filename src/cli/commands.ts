import { flagOf, SETTINGS } from "../config/index.ts";
import type { Command, Flag, Position } from "./command.ts";

const CLIENT: readonly Flag[] = [
  { name: "http-addr", value: "URL", help: "the agent's HTTP API (KONSUL_HTTP_ADDR; default: http://127.0.0.1:8888)" },
  { name: "token", value: "TOKEN", help: "secret of the access token (KONSUL_TOKEN)" },
  { name: "token-file", value: "FILE", help: "file that holds the token" },
  { name: "ca-cert", value: "FILE", help: "certificate authority of an HTTPS agent" },
  { name: "client-cert", value: "FILE", help: "client certificate for an HTTPS agent" },
  { name: "client-key", value: "FILE", help: "key of the client certificate" },
  { name: "timeout", value: "DURATION", help: "longest wait for an answer (default: 10s)" },
];
const ACCEPT_LOSS: Flag = {
  name: "accept-loss",
  help: "use what can be read of a folder that cannot be trusted: its newest writes may be missing",
};
const JSON_FLAG: Flag = { name: "json", help: "machine-readable output" };
const CONSISTENT: Flag = { name: "consistent", help: "linearizable read instead of this node's own state" };
const KEY: Position = { name: "KEY", help: "1 to 1024 bytes of UTF-8" };
const SERVICE: Position = { name: "NAME", help: "name of the service" };
const SERVICE_FILTERS: readonly Flag[] = [
  { name: "tag", value: "TAG", help: "only instances with this tag" },
  { name: "meta", value: "NAME:VALUE", help: "only instances with this field" },
];
const NODE: Position = { name: "ID", help: "id of the node" };
const ACCESSOR: Position = { name: "ACCESSOR", help: "id of the token, not its secret" };
const POLICY: Position = { name: "NAME", help: "name of the policy" };
const TOKEN_FLAGS: readonly Flag[] = [
  { name: "policy", value: "NAME", help: "a policy it gets; global-management may do everything", isRepeatable: true },
  { name: "description", value: "TEXT", help: "what it is for" },
];
const BACKUP: Position = { name: "FILE", help: "the backup" };
const CAS: Flag = {
  name: "cas",
  value: "INDEX",
  help: "only if the key's modify_index is this; 0: only if it is absent",
};

const AGENT_FLAGS: readonly Flag[] = [
  { name: "dev", help: "a single node in memory: nothing is written to disk" },
  { name: "config", value: "FILE", help: "settings in JSON or YAML" },
  ...SETTINGS.map((setting) => ({
    name: flagOf(setting),
    ...(setting.kind === "flag" ? {} : { value: setting.kind.toUpperCase() }),
    help: setting.standard === undefined ? setting.help : `${setting.help} (${setting.standard})`,
    isRepeatable: setting.kind === "list",
    isSetting: true,
  })),
];

function client(
  path: string,
  summary: string,
  more: { readonly positions?: readonly Position[]; readonly flags?: readonly Flag[]; readonly run: Command["run"] },
): Command {
  return {
    path: path.split(" "),
    summary,
    positions: more.positions ?? [],
    flags: [...(more.flags ?? []), JSON_FLAG, ...CLIENT],
    run: more.run,
  };
}

/** Every command there is: help, completion and docs are made from it. */
export const COMMANDS: readonly Command[] = [
  {
    path: ["agent"],
    summary: "runs a node",
    positions: [],
    flags: AGENT_FLAGS,
    run: async (call) => (await import("./agent-command.ts")).agent(call),
  },
  client("kv get", "prints the value of a key", {
    positions: [KEY],
    flags: [CONSISTENT],
    run: async (call) => (await import("./kv-commands.ts")).get(call),
  }),
  client("kv put", "sets a key", {
    positions: [KEY, { name: "VALUE", help: "the value; - reads standard input, @FILE a file" }],
    flags: [{ name: "flags", value: "NUMBER", help: "0 to 2^64-1, your own" }, CAS],
    run: async (call) => (await import("./kv-commands.ts")).put(call),
  }),
  client("kv delete", "deletes a key, or with --recurse all keys that start with it", {
    positions: [KEY],
    flags: [
      CAS,
      { name: "recurse", help: "all keys that start with KEY" },
      { name: "limit", value: "NUMBER", help: "with --recurse: at most this many" },
    ],
    run: async (call) => (await import("./kv-commands.ts")).remove(call),
  }),
  client("kv list", "lists keys in byte order", {
    positions: [{ name: "PREFIX", help: "only keys that start with it", isOptional: true }],
    flags: [
      { name: "keys", help: "with --json: without values" },
      { name: "limit", value: "NUMBER", help: "at most this many (default: all)" },
      CONSISTENT,
    ],
    run: async (call) => (await import("./kv-commands.ts")).list(call),
  }),
  client("kv watch", "prints every change of a key, or under a prefix", {
    positions: [{ ...KEY, isOptional: true }],
    flags: [{ name: "prefix", value: "PREFIX", help: "all keys that start with it" }],
    run: async (call) => (await import("./kv-watch-command.ts")).watch(call),
  }),
  client("kv export", "prints all keys under a prefix as JSON lines", {
    positions: [{ name: "PREFIX", help: "only keys that start with it", isOptional: true }],
    flags: [{ name: "consul", help: "in Consul's format" }, CONSISTENT],
    run: async (call) => (await import("./kv-transfer-commands.ts")).exportKeys(call),
  }),
  client("kv import", "sets keys from JSON lines, or from Consul's export", {
    positions: [{ name: "FILE", help: "what to read; - is standard input", isOptional: true }],
    run: async (call) => (await import("./kv-transfer-commands.ts")).importKeys(call),
  }),
  client("snapshot save", "writes a backup of the whole state, and reads it back", {
    positions: [BACKUP],
    run: async (call) => (await import("./backup-commands.ts")).save(call),
  }),
  client("snapshot inspect", "checks a backup, and says what it holds; needs no agent", {
    positions: [BACKUP],
    run: async (call) => (await import("./backup-commands.ts")).inspect(call),
  }),
  client("snapshot restore", "replaces all data of the cluster by a backup", {
    positions: [BACKUP],
    flags: [{ name: "yes", help: "yes, replace everything" }],
    run: async (call) => (await import("./backup-commands.ts")).restore(call),
  }),
  {
    path: ["debug", "log"],
    summary: "offline: prints the entries of a data folder's log as JSON lines",
    positions: [{ name: "DIR", help: "the data folder of an agent that is stopped, or a copy of one" }],
    flags: [
      { name: "from", value: "INDEX", help: "only entries from this one on" },
      { name: "to", value: "INDEX", help: "only entries up to this one" },
      { name: "values", help: "with the values of keys, in base64; without it only their sizes are shown" },
      ACCEPT_LOSS,
      JSON_FLAG,
    ],
    run: async (call) => (await import("./debug-commands.ts")).debugLog(call),
  },
  client("debug", "writes a support bundle of an agent: status, settings, metrics, log, profile; no secrets", {
    flags: [
      { name: "out", value: "FILE", help: "a .tar.gz, or a folder (default: konsul-debug-TIME.tar.gz)" },
      { name: "profile", value: "SECONDS", help: "how long the processor profile is taken, 0 to 60 (default: 5)" },
    ],
    run: async (call) => (await import("./debug-commands.ts")).debug(call),
  }),
  {
    path: ["recover", "inspect"],
    summary: "offline, after a lost quorum: shows what the folders of the survivors hold",
    positions: [{ name: "DIR", help: "data folders, of agents that are stopped", isRepeatable: true }],
    flags: [ACCEPT_LOSS, JSON_FLAG],
    run: async (call) => (await import("./recover-commands.ts")).inspect(call),
  },
  {
    path: ["recover"],
    summary: "offline, after a lost quorum: makes a cluster of one from a survivor's folder",
    positions: [],
    flags: [
      { name: "from", value: "DIR", help: "the data folder to recover from; it stays as it is (required)" },
      { name: "to", value: "DIR", help: "the new data folder (default: DIR.recovered)" },
      { name: "peers", value: "FILE", help: "HashiCorp's peers.json: shown as the list of who may join" },
      ACCEPT_LOSS,
      JSON_FLAG,
    ],
    run: async (call) => (await import("./recover-commands.ts")).recover(call),
  },
  {
    path: ["tls", "ca", "create"],
    summary: "makes a certificate authority for a cluster",
    positions: [],
    flags: [
      {
        name: "out",
        value: "FOLDER",
        help: "where konsul-ca.pem and konsul-ca-key.pem are written (default: this folder)",
      },
      { name: "name", value: "TEXT", help: "its name; Konsul CA" },
      { name: "days", value: "NUMBER", help: "how long it is good for (default: 3650)" },
      JSON_FLAG,
    ],
    run: async (call) => (await import("./tls-commands.ts")).caCreate(call),
  },
  {
    path: ["tls", "cert", "create"],
    summary: "makes a certificate for a node's ports, signed by the authority",
    positions: [],
    flags: [
      { name: "node", value: "ID", help: "the node it is for (required)" },
      {
        name: "host",
        value: "HOST",
        help: "name or address it is reached at; 127.0.0.1 and localhost",
        isRepeatable: true,
      },
      { name: "cluster", value: "ID", help: "good for any node of this cluster" },
      { name: "ca", value: "FILE", help: "the authority (default: konsul-ca.pem)" },
      { name: "ca-key", value: "FILE", help: "its key (default: konsul-ca-key.pem)" },
      { name: "days", value: "NUMBER", help: "how long it is good for, the authority's end at most (default: 365)" },
      { name: "out", value: "FOLDER", help: "where ID.pem and ID-key.pem are written (default: this folder)" },
      JSON_FLAG,
    ],
    run: async (call) => (await import("./tls-commands.ts")).certCreate(call),
  },
  client("cluster autopilot get", "shows autopilot's settings", {
    run: async (call) => (await import("./autopilot-commands.ts")).get(call),
  }),
  client("cluster autopilot set", "changes autopilot's settings, for the whole cluster", {
    positions: [{ name: "NAME=VALUE", help: "such as min_quorum=3 or dead_server_after=1h", isRepeatable: true }],
    run: async (call) => (await import("./autopilot-commands.ts")).set(call),
  }),
  client("cluster autopilot state", "shows the servers as autopilot sees them", {
    run: async (call) => (await import("./autopilot-commands.ts")).state(call),
  }),
  client("lock", "runs a command while it holds a lock, and stops it when the lock is lost", {
    positions: [
      KEY,
      { name: "-- COMMAND", help: "what to run, with its arguments; its exit code is given back", isRepeatable: true },
    ],
    flags: [
      {
        name: "ttl",
        value: "DURATION",
        help: "the lock is free so long after this machine died, 1s to 24h (default: 15s)",
      },
      {
        name: "lock-delay",
        value: "DURATION",
        help: "nobody gets the lock for so long after that, 0 to 60s (default: 15s)",
      },
      { name: "wait", value: "DURATION", help: "longest wait for the lock; without it as long as it takes" },
      { name: "name", value: "TEXT", help: "who holds it, for people: also the key's value" },
    ],
    run: async (call) => (await import("./lock-command.ts")).lock(call),
  }),
  client("acl bootstrap", "makes the first token, which may do everything, and prints its secret", {
    run: async (call) => (await import("./acl-commands.ts")).bootstrap(call),
  }),
  client("acl token create", "makes a token and prints its secret, which is shown only then", {
    flags: [...TOKEN_FLAGS, { name: "ttl", value: "DURATION", help: "it expires after this time; without it never" }],
    run: async (call) => (await import("./acl-commands.ts")).tokenCreate(call),
  }),
  client("acl token list", "lists tokens, without their secrets", {
    run: async (call) => (await import("./acl-commands.ts")).tokenList(call),
  }),
  client("acl token get", "shows a token, or your own", {
    positions: [{ ...ACCESSOR, isOptional: true }],
    run: async (call) => (await import("./acl-commands.ts")).tokenGet(call),
  }),
  client("acl token update", "gives a token these policies and no others", {
    positions: [{ ...ACCESSOR, help: "id of the token; anonymous stands for requests without one" }],
    flags: TOKEN_FLAGS,
    run: async (call) => (await import("./acl-commands.ts")).tokenUpdate(call),
  }),
  client("acl token delete", "deletes a token: from then on it is good for nothing", {
    positions: [ACCESSOR],
    run: async (call) => (await import("./acl-commands.ts")).tokenDelete(call),
  }),
  client("acl policy set", "makes or replaces a policy", {
    positions: [POLICY],
    flags: [
      {
        name: "rule",
        value: "RULE",
        help: "kv:prefix:web/:read,list or cluster:read; a denial wins",
        isRepeatable: true,
      },
      { name: "file", value: "FILE", help: 'JSON with "rules", as the API takes it; - reads standard input' },
    ],
    run: async (call) => (await import("./acl-commands.ts")).policySet(call),
  }),
  client("acl policy list", "lists policies", {
    run: async (call) => (await import("./acl-commands.ts")).policyList(call),
  }),
  client("acl policy get", "shows a policy with its rules", {
    positions: [POLICY],
    run: async (call) => (await import("./acl-commands.ts")).policyGet(call),
  }),
  client("acl policy delete", "deletes a policy that no token has", {
    positions: [POLICY],
    run: async (call) => (await import("./acl-commands.ts")).policyDelete(call),
  }),
  client("service list", "lists services", {
    flags: [...SERVICE_FILTERS, CONSISTENT],
    run: async (call) => (await import("./service-commands.ts")).list(call),
  }),
  client("service get", "lists the instances of a service", {
    positions: [SERVICE],
    flags: [{ name: "passing", help: "only those that pass" }, ...SERVICE_FILTERS, CONSISTENT],
    run: async (call) => (await import("./service-commands.ts")).get(call),
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
    run: async (call) => (await import("./service-commands.ts")).register(call),
  }),
  client("service deregister", "removes an instance of a service, or all", {
    positions: [SERVICE],
    flags: [{ name: "id", value: "ID", help: "only this instance" }],
    run: async (call) => (await import("./service-commands.ts")).deregister(call),
  }),
  client("service heartbeat", "renews the TTL of an instance", {
    positions: [SERVICE],
    flags: [{ name: "id", value: "ID", help: "the instance; the one whose id is the name" }],
    run: async (call) => (await import("./service-commands.ts")).heartbeat(call),
  }),
  client("health", "exits 0 when the agent is healthy", {
    flags: [
      { name: "live", help: "when its process runs" },
      { name: "ready", help: "when it is up to date" },
    ],
    run: async (call) => (await import("./health-command.ts")).health(call),
  }),
  client("cluster status", "shows the cluster as the agent sees it", {
    flags: [
      { name: "watch", help: "again and again, until it is interrupted; with --json one line each" },
      { name: "interval", value: "DURATION", help: "with --watch: how often (default: 2s)" },
    ],
    run: async (call) => (await import("./cluster-commands.ts")).status(call),
  }),
  client("cluster leader", "shows who leads", {
    run: async (call) => (await import("./cluster-commands.ts")).leader(call),
  }),
  client("cluster peers", "shows the members", {
    run: async (call) => (await import("./cluster-commands.ts")).peers(call),
  }),
  client("cluster snapshot", "takes a snapshot now", {
    run: async (call) => (await import("./cluster-commands.ts")).snapshot(call),
  }),
  client("cluster health", "exits 0 when a leader and all voters are in contact", {
    run: async (call) => (await import("./cluster-commands.ts")).clusterHealth(call),
  }),
  client(
    "cluster upgrade finalize",
    "raises the cluster version to what all members understand; there is no way back",
    {
      run: async (call) => (await import("./upgrade-commands.ts")).finalize(call),
    },
  ),
  client("cluster upgrade", "shows the cluster version and what each member runs", {
    run: async (call) => (await import("./upgrade-commands.ts")).upgrade(call),
  }),
  client("cluster join", "lets a node in that waits for an invitation", {
    flags: [
      { name: "address", value: "HOST:PORT", help: "its peer port, as the leader reaches it (required)" },
      { name: "id", value: "ID", help: "only if the node that answers there has this id" },
    ],
    run: async (call) => (await import("./membership-commands.ts")).join(call),
  }),
  client("leave", "the agent hands over, leaves the cluster and stops", {
    run: async (call) => (await import("./membership-commands.ts")).leaveHere(call),
  }),
  client("cluster leave", "removes a node from the cluster", {
    flags: [{ name: "node", value: "ID", help: "the node that is to leave (required)" }],
    run: async (call) => (await import("./membership-commands.ts")).leave(call),
  }),
  client("cluster transfer", "moves leadership to another node", {
    flags: [{ name: "to", value: "ID", help: "the node that is to lead; the one that fits best" }],
    run: async (call) => (await import("./membership-commands.ts")).transfer(call),
  }),
  client("cluster promote", "makes a learner a voter", {
    positions: [NODE],
    run: async (call) => (await import("./membership-commands.ts")).changeRole(call, "promote"),
  }),
  client("cluster demote", "makes a voter a learner until it is promoted again", {
    positions: [NODE],
    run: async (call) => (await import("./membership-commands.ts")).changeRole(call, "demote"),
  }),
  {
    path: ["config", "validate"],
    summary: "says every mistake in a configuration file",
    positions: [{ name: "FILE", help: "settings in JSON or YAML" }],
    flags: [JSON_FLAG],
    run: async (call) => (await import("./config-command.ts")).validate(call),
  },
  {
    path: ["completion"],
    summary: "prints shell completion",
    positions: [{ name: "SHELL", help: "bash, zsh or fish" }],
    flags: [],
    run: async (call) => (await import("./completion-command.ts")).completion(call),
  },
  {
    path: ["version"],
    summary: "prints version, commit and protocol versions",
    positions: [],
    flags: [JSON_FLAG],
    run: async (call) => (await import("./version-command.ts")).version(call),
  },
];
