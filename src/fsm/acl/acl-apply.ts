import { EMPTY_BYTES, fromUtf8, unreachable, utf8, type LogIndex } from "../../base/index.ts";
import type { StateTable } from "../state/state-table.ts";
import type { AclCommand, AclResult } from "./acl-command.ts";
import {
  ANONYMOUS,
  MANAGEMENT_POLICY,
  policyRow,
  tokenRow,
  type AclBootstrapRow,
  type AclPolicyRow,
  type AclTokenRow,
} from "./acl-row.ts";

/** What the commands of this domain read and change. */
export interface AclTables {
  readonly policies: StateTable<AclPolicyRow>;
  readonly tokens: StateTable<AclTokenRow>;
  readonly bootstrap: StateTable<AclBootstrapRow>;
}

const BOOTSTRAP_KEY = utf8("bootstrap");

/** Applies one command. */
export function applyAcl(tables: AclTables, index: LogIndex, command: AclCommand): AclResult {
  const changed: AclResult = { kind: "acl-changed", modifyIndex: index };
  const { policies, tokens } = tables;
  switch (command.kind) {
    case "acl-policy-set": {
      const { name, description, rules } = command;
      if (name === MANAGEMENT_POLICY) return { kind: "acl-built-in" };
      const createIndex = policies.get(utf8(name))?.createIndex ?? index;
      policies.set(utf8(name), policyRow({ description, rules, createIndex, modifyIndex: index }));
      return changed;
    }
    case "acl-policy-delete": {
      if (command.name === MANAGEMENT_POLICY) return { kind: "acl-built-in" };
      if (policies.get(utf8(command.name)) === undefined) return { kind: "acl-not-found" };
      // A policy of the same name that is made later must not come to tokens by surprise.
      const user = userOf(tables, command.name);
      if (user !== undefined) return { kind: "acl-policy-in-use", accessor: user };
      policies.delete(utf8(command.name));
      return changed;
    }
    case "acl-token-create": {
      const { accessor, secretHash, description, policies: names, expiresAt } = command;
      if (accessor === ANONYMOUS) return { kind: "acl-built-in" };
      if (tokens.get(utf8(accessor)) !== undefined) return { kind: "acl-exists" };
      const unknown = unknownPolicy(tables, names);
      if (unknown !== undefined) return unknown;
      const row = { secretHash, description, policies: names, expiresAt, createIndex: index, modifyIndex: index };
      tokens.set(utf8(accessor), tokenRow(row));
      return changed;
    }
    case "acl-token-update": {
      const { accessor, description, policies: names } = command;
      const before = tokens.get(utf8(accessor)) ?? (accessor === ANONYMOUS ? anonymous(index) : undefined);
      if (before === undefined) return { kind: "acl-not-found" };
      const unknown = unknownPolicy(tables, names);
      if (unknown !== undefined) return unknown;
      tokens.set(utf8(accessor), tokenRow({ ...before, description, policies: names, modifyIndex: index }));
      return changed;
    }
    case "acl-token-delete":
      return tokens.delete(utf8(command.accessor)) ? changed : { kind: "acl-not-found" };
    case "acl-bootstrap": {
      const { accessor, secretHash, resetIndex } = command;
      const done = tables.bootstrap.get(BOOTSTRAP_KEY)?.index;
      if (done !== undefined && done !== resetIndex) return { kind: "acl-bootstrapped", index: done };
      if (tokens.get(utf8(accessor)) !== undefined || accessor === ANONYMOUS) return { kind: "acl-exists" };
      const first = { secretHash, description: "first token", policies: [MANAGEMENT_POLICY], expiresAt: 0 };
      tokens.set(utf8(accessor), tokenRow({ ...first, createIndex: index, modifyIndex: index }));
      tables.bootstrap.set(BOOTSTRAP_KEY, Object.freeze({ index }));
      return changed;
    }
    default:
      return unreachable(command);
  }
}

function anonymous(index: LogIndex): AclTokenRow {
  return { secretHash: "", description: "", policies: [], expiresAt: 0, createIndex: index, modifyIndex: index };
}

function unknownPolicy({ policies }: AclTables, names: readonly string[]): AclResult | undefined {
  const name = names.find((one) => one !== MANAGEMENT_POLICY && policies.get(utf8(one)) === undefined);
  return name === undefined ? undefined : { kind: "acl-unknown-policy", name };
}

function userOf({ tokens }: AclTables, policy: string): string | undefined {
  for (const [key, row] of tokens.range({ from: EMPTY_BYTES })) if (row.policies.includes(policy)) return fromUtf8(key);
  return undefined;
}
