import { flagOf, SETTINGS } from "../../config/index.ts";
import type { Command, Flag } from "../command.ts";
import { JSON_FLAG } from "./client-command.ts";

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

/** A node of its own, its settings and certificates, and the executable itself. */
export const NODE_COMMANDS: readonly Command[] = [
  {
    path: ["agent"],
    summary: "runs a node",
    positions: [],
    flags: AGENT_FLAGS,
    run: async (call) => (await import("../agent-command.ts")).agent(call),
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
      { name: "name", value: "TEXT", help: "its name (default: Konsul CA)" },
      { name: "days", value: "NUMBER", help: "how long it is good for (default: 3650)" },
      JSON_FLAG,
    ],
    run: async (call) => (await import("../tls-commands.ts")).caCreate(call),
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
        help: "name or address it is reached at (default: 127.0.0.1 and localhost)",
        isRepeatable: true,
      },
      { name: "cluster", value: "ID", help: "good for any node of this cluster" },
      { name: "ca", value: "FILE", help: "the authority (default: konsul-ca.pem)" },
      { name: "ca-key", value: "FILE", help: "its key (default: konsul-ca-key.pem)" },
      { name: "days", value: "NUMBER", help: "how long it is good for, the authority's end at most (default: 365)" },
      { name: "out", value: "FOLDER", help: "where ID.pem and ID-key.pem are written (default: this folder)" },
      JSON_FLAG,
    ],
    run: async (call) => (await import("../tls-commands.ts")).certCreate(call),
  },
  {
    path: ["config", "validate"],
    summary: "says every mistake in a configuration file",
    positions: [{ name: "FILE", help: "settings in JSON or YAML" }],
    flags: [JSON_FLAG],
    run: async (call) => (await import("../config-command.ts")).validate(call),
  },
  {
    path: ["completion"],
    summary: "prints shell completion",
    positions: [{ name: "SHELL", help: "bash, zsh or fish" }],
    flags: [],
    run: async (call) => (await import("../completion-command.ts")).completion(call),
  },
  {
    path: ["version"],
    summary: "prints version, commit and protocol versions",
    positions: [],
    flags: [JSON_FLAG],
    run: async (call) => (await import("../version-command.ts")).version(call),
  },
];
