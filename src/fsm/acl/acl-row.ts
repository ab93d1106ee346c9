import { MalformedBytes, utf8, type ByteReader, type ByteWriter, type LogIndex } from "../../base/index.ts";
import type { RowHasher } from "../state/row-hash.ts";
import type { RowFormat } from "../state/state-table.ts";
import { ACL_CAPABILITIES, type AclCapability, type AclMatch, type AclResource, type AclRule } from "./acl-rule.ts";

/** May do everything; always there, never changed. */
export const MANAGEMENT_POLICY = "global-management";
/** The token of requests without one. */
export const ANONYMOUS = "anonymous";

export interface AclPolicyRow {
  readonly description: string;
  readonly rules: readonly AclRule[];
  readonly createIndex: LogIndex;
  readonly modifyIndex: LogIndex;
}

export interface AclTokenRow {
  /** SHA-256 of the secret in hex; empty for the anonymous token. */
  readonly secretHash: string;
  readonly description: string;
  readonly policies: readonly string[];
  /** Wall clock, ms since 1970; 0: never. */
  readonly expiresAt: number;
  readonly createIndex: LogIndex;
  readonly modifyIndex: LogIndex;
}

/** When the first token was made. */
export interface AclBootstrapRow {
  readonly index: LogIndex;
}

/** Numbers in the encoding: never reused, only added to. */
const RESOURCES: readonly AclResource[] = ["kv", "service", "health", "session", "cluster", "acl"];
const MATCHES: readonly AclMatch["kind"][] = ["prefix", "exact", "glob"];
const CAPABILITIES: readonly AclCapability[] = [
  "read",
  "list",
  "write",
  "delete",
  "deny",
  "register",
  "deregister",
  "admin",
];

export function writeRules(writer: ByteWriter, rules: readonly AclRule[]): void {
  writer.u32(rules.length);
  for (const { resource, match, capabilities } of rules) {
    writer.u8(RESOURCES.indexOf(resource)).u8(MATCHES.indexOf(match.kind)).text(match.pattern);
    writer.u32(capabilities.reduce((mask, one) => mask | (1 << CAPABILITIES.indexOf(one)), 0));
  }
}

/** @throws MalformedBytes */
export function readRules(reader: ByteReader): readonly AclRule[] {
  const count = reader.u32();
  const rules: AclRule[] = [];
  for (let i = 0; i < count; i += 1) {
    const resource = known("resource", RESOURCES, reader.u8());
    const kind = known("match", MATCHES, reader.u8());
    const pattern = reader.text();
    const mask = reader.u32();
    const capabilities = CAPABILITIES.filter((_, bit) => (mask & (1 << bit)) !== 0);
    const allowed: readonly AclCapability[] = ACL_CAPABILITIES[resource];
    if (mask >>> CAPABILITIES.length !== 0 || capabilities.some((one) => !allowed.includes(one))) {
      throw new MalformedBytes(`Cannot read a rule for ${resource} with capabilities ${mask}`);
    }
    rules.push({ resource, match: { kind, pattern }, capabilities });
  }
  return rules;
}

function known<T>(what: string, all: readonly T[], at: number): T {
  const found = all[at];
  if (found === undefined) throw new MalformedBytes(`Cannot read a rule with ${what} ${at}`);
  return found;
}

export function writeTexts(writer: ByteWriter, texts: readonly string[]): void {
  writer.u32(texts.length);
  for (const one of texts) writer.text(one);
}

export function readTexts(reader: ByteReader): readonly string[] {
  const count = reader.u32();
  const texts: string[] = [];
  for (let i = 0; i < count; i += 1) texts.push(reader.text());
  return texts;
}

export function policyRow({ description, rules, createIndex, modifyIndex }: AclPolicyRow): AclPolicyRow {
  return Object.freeze({ description, rules: Object.freeze([...rules]), createIndex, modifyIndex });
}

export function tokenRow(row: AclTokenRow): AclTokenRow {
  const { secretHash, description, policies, expiresAt, createIndex, modifyIndex } = row;
  const own = Object.freeze([...policies]);
  return Object.freeze({ secretHash, description, policies: own, expiresAt, createIndex, modifyIndex });
}

function hashRules(hasher: RowHasher, rules: readonly AclRule[]): void {
  hasher.number(rules.length);
  for (const { resource, match, capabilities } of rules) {
    hasher.bytes(utf8(resource)).bytes(utf8(match.kind)).bytes(utf8(match.pattern)).number(capabilities.length);
    // As a set: their order says nothing.
    for (const one of capabilities.toSorted()) hasher.bytes(utf8(one));
  }
}

export const policyRowFormat: RowFormat<AclPolicyRow> = {
  section: 5,
  name: "acl-policies",
  write: (writer, { description, rules, createIndex, modifyIndex }) => {
    writeRules(writer.text(description), rules);
    writer.u53(createIndex).u53(modifyIndex);
  },
  read: (reader) => {
    const description = reader.text();
    const rules = readRules(reader);
    return policyRow({ description, rules, createIndex: reader.u53(), modifyIndex: reader.u53() });
  },
  hash: (hasher, { description, rules, createIndex, modifyIndex }) => {
    hashRules(hasher.bytes(utf8(description)), rules);
    hasher.number(createIndex).number(modifyIndex);
  },
  sizeBytes: ({ description, rules }) =>
    description.length + rules.reduce((sum, { match }) => sum + match.pattern.length + 64, 0),
};

export const tokenRowFormat: RowFormat<AclTokenRow> = {
  section: 6,
  name: "acl-tokens",
  write: (writer, row) => {
    writer.text(row.secretHash).text(row.description);
    writeTexts(writer, row.policies);
    writer.u53(row.expiresAt).u53(row.createIndex).u53(row.modifyIndex);
  },
  read: (reader) => {
    const [secretHash, description] = [reader.text(), reader.text()];
    const policies = readTexts(reader);
    const expiresAt = reader.u53();
    return tokenRow({
      secretHash,
      description,
      policies,
      expiresAt,
      createIndex: reader.u53(),
      modifyIndex: reader.u53(),
    });
  },
  hash: (hasher, row) => {
    hasher.bytes(utf8(row.secretHash)).bytes(utf8(row.description)).number(row.policies.length);
    for (const one of row.policies) hasher.bytes(utf8(one));
    hasher.number(row.expiresAt).number(row.createIndex).number(row.modifyIndex);
  },
  sizeBytes: ({ description, policies }) => description.length + 128 + policies.length * 32,
};

export const bootstrapRowFormat: RowFormat<AclBootstrapRow> = {
  section: 7,
  name: "acl-bootstrap",
  write: (writer, { index }) => {
    writer.u53(index);
  },
  read: (reader) => Object.freeze({ index: reader.u53() }),
  hash: (hasher, { index }) => {
    hasher.number(index);
  },
  sizeBytes: () => 8,
};
