import type { Command, Flag, Position } from "../command.ts";
import { client } from "./client-command.ts";

const ACCESSOR: Position = { name: "ACCESSOR", help: "id of the token, not its secret" };
const POLICY: Position = { name: "NAME", help: "name of the policy" };
const TOKEN_FLAGS: readonly Flag[] = [
  { name: "policy", value: "NAME", help: "a policy it gets; global-management may do everything", isRepeatable: true },
  { name: "description", value: "TEXT", help: "what it is for" },
];

/** Tokens and policies. */
export const ACL_COMMANDS: readonly Command[] = [
  client("acl bootstrap", "makes the first token, which may do everything, and prints its secret", {
    run: async (call) => (await import("../acl-commands.ts")).bootstrap(call),
  }),
  client("acl token create", "makes a token and prints its secret, which is shown only then", {
    flags: [...TOKEN_FLAGS, { name: "ttl", value: "DURATION", help: "it expires after this time; without it never" }],
    run: async (call) => (await import("../acl-commands.ts")).tokenCreate(call),
  }),
  client("acl token list", "lists tokens, without their secrets", {
    run: async (call) => (await import("../acl-commands.ts")).tokenList(call),
  }),
  client("acl token get", "shows a token, or your own", {
    positions: [{ ...ACCESSOR, isOptional: true }],
    run: async (call) => (await import("../acl-commands.ts")).tokenGet(call),
  }),
  client("acl token update", "gives a token these policies and no others", {
    positions: [{ ...ACCESSOR, help: "id of the token; anonymous stands for requests without one" }],
    flags: TOKEN_FLAGS,
    run: async (call) => (await import("../acl-commands.ts")).tokenUpdate(call),
  }),
  client("acl token delete", "deletes a token: from then on it is good for nothing", {
    positions: [ACCESSOR],
    run: async (call) => (await import("../acl-commands.ts")).tokenDelete(call),
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
    run: async (call) => (await import("../acl-commands.ts")).policySet(call),
  }),
  client("acl policy list", "lists policies", {
    run: async (call) => (await import("../acl-commands.ts")).policyList(call),
  }),
  client("acl policy get", "shows a policy with its rules", {
    positions: [POLICY],
    run: async (call) => (await import("../acl-commands.ts")).policyGet(call),
  }),
  client("acl policy delete", "deletes a policy that no token has", {
    positions: [POLICY],
    run: async (call) => (await import("../acl-commands.ts")).policyDelete(call),
  }),
];
