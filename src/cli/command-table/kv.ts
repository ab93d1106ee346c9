import type { Command, Flag } from "../command.ts";
import { CONSISTENT, KEY, client } from "./client-command.ts";

const CAS: Flag = {
  name: "cas",
  value: "INDEX",
  help: "only if the key's modify_index is this; 0: only if it is absent",
};

/** Keys and locks. */
export const KV_COMMANDS: readonly Command[] = [
  client("kv get", "prints the value of a key", {
    positions: [KEY],
    flags: [CONSISTENT],
    run: async (call) => (await import("../kv-commands.ts")).get(call),
  }),
  client("kv put", "sets a key", {
    positions: [KEY, { name: "VALUE", help: "the value; - reads standard input, @FILE a file" }],
    flags: [{ name: "flags", value: "NUMBER", help: "0 to 2^64-1, your own" }, CAS],
    run: async (call) => (await import("../kv-commands.ts")).put(call),
  }),
  client("kv delete", "deletes a key, or with --recurse all keys that start with it", {
    positions: [KEY],
    flags: [
      CAS,
      { name: "recurse", help: "all keys that start with KEY" },
      { name: "limit", value: "NUMBER", help: "with --recurse: at most this many" },
    ],
    run: async (call) => (await import("../kv-commands.ts")).remove(call),
  }),
  client("kv list", "lists keys in byte order", {
    positions: [{ name: "PREFIX", help: "only keys that start with it", isOptional: true }],
    flags: [
      { name: "keys", help: "with --json: without values" },
      { name: "limit", value: "NUMBER", help: "at most this many (default: all)" },
      CONSISTENT,
    ],
    run: async (call) => (await import("../kv-commands.ts")).list(call),
  }),
  client("kv watch", "prints every change of a key, or under a prefix", {
    positions: [{ ...KEY, isOptional: true }],
    flags: [{ name: "prefix", value: "PREFIX", help: "all keys that start with it" }],
    run: async (call) => (await import("../kv-watch-command.ts")).watch(call),
  }),
  client("kv export", "prints all keys under a prefix as JSON lines", {
    positions: [{ name: "PREFIX", help: "only keys that start with it", isOptional: true }],
    flags: [{ name: "consul", help: "in Consul's format" }, CONSISTENT],
    run: async (call) => (await import("../kv-transfer-commands.ts")).exportKeys(call),
  }),
  client("kv import", "sets keys from JSON lines, or from Consul's export", {
    positions: [{ name: "FILE", help: "what to read; - is standard input", isOptional: true }],
    run: async (call) => (await import("../kv-transfer-commands.ts")).importKeys(call),
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
    run: async (call) => (await import("../lock-command.ts")).lock(call),
  }),
];
