import type { Command, Flag, Position } from "../command.ts";
import { JSON_FLAG, client } from "./client-command.ts";

const ACCEPT_LOSS: Flag = {
  name: "accept-loss",
  help: "use what can be read of a folder that cannot be trusted: its newest writes may be missing",
};
const BACKUP: Position = { name: "FILE", help: "the backup" };

/** Backups, recovery, and what support wants to see. */
export const BACKUP_COMMANDS: readonly Command[] = [
  client("snapshot save", "writes a backup of the whole state, and reads it back", {
    positions: [BACKUP],
    run: async (call) => (await import("../backup-commands.ts")).save(call),
  }),
  {
    path: ["snapshot", "inspect"],
    summary: "checks a backup, and says what it holds; needs no agent",
    positions: [BACKUP],
    flags: [JSON_FLAG],
    run: async (call) => (await import("../backup-commands.ts")).inspect(call),
  },
  client("snapshot restore", "replaces all data of the cluster by a backup", {
    positions: [BACKUP],
    flags: [{ name: "yes", help: "yes, replace everything (required)" }],
    run: async (call) => (await import("../backup-commands.ts")).restore(call),
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
    run: async (call) => (await import("../debug-commands.ts")).debugLog(call),
  },
  client("debug", "writes a support bundle of an agent: status, settings, metrics, log, profile; no secrets", {
    flags: [
      { name: "out", value: "FILE", help: "a .tar.gz, or a folder (default: konsul-debug-TIME.tar.gz)" },
      { name: "profile", value: "SECONDS", help: "how long the processor profile is taken, 0 to 60 (default: 5)" },
    ],
    run: async (call) => (await import("../debug-commands.ts")).debug(call),
  }),
  {
    path: ["recover", "inspect"],
    summary: "offline, after a lost quorum: shows what the folders of the survivors hold",
    positions: [{ name: "DIR", help: "data folders, of agents that are stopped", isRepeatable: true }],
    flags: [ACCEPT_LOSS, JSON_FLAG],
    run: async (call) => (await import("../recover-commands.ts")).inspect(call),
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
    run: async (call) => (await import("../recover-commands.ts")).recover(call),
  },
];
