import { unreachable, type ByteReader, type ByteWriter } from "../../base/index.ts";
import { InvalidCommand } from "../invalid-command.ts";
import type { AclCommand } from "./acl-command.ts";
import { readRules, readTexts, writeRules, writeTexts } from "./acl-row.ts";
import { ACL_CAPABILITIES, type AclCapability, type AclRule } from "./acl-rule.ts";

/** Type bytes 0x50 to 0x5f belong to this domain. Part of the format: never reused. */
const TYPES = {
  policySet: 0x50,
  policyDelete: 0x51,
  tokenCreate: 0x52,
  tokenUpdate: 0x53,
  tokenDelete: 0x54,
  bootstrap: 0x55,
} as const;

/** Bounds of the format, the same on every node for ever. */
export const ACL_LIMITS = {
  nameBytesMax: 128,
  descriptionBytesMax: 1024,
  rulesMax: 256,
  patternBytesMax: 1024,
  policiesMax: 64,
} as const;

const NAME = /^[\w.-]+$/;

/** Writes type byte and fields. @throws InvalidCommand */
export function writeAclCommand(writer: ByteWriter, command: AclCommand): void {
  check(command);
  switch (command.kind) {
    case "acl-policy-set":
      writeRules(writer.u8(TYPES.policySet).text(command.name).text(command.description), command.rules);
      return;
    case "acl-policy-delete":
      writer.u8(TYPES.policyDelete).text(command.name);
      return;
    case "acl-token-create":
      writer.u8(TYPES.tokenCreate).text(command.accessor).text(command.secretHash).text(command.description);
      writeTexts(writer, command.policies);
      writer.u53(command.expiresAt);
      return;
    case "acl-token-update":
      writeTexts(writer.u8(TYPES.tokenUpdate).text(command.accessor).text(command.description), command.policies);
      return;
    case "acl-token-delete":
      writer.u8(TYPES.tokenDelete).text(command.accessor);
      return;
    case "acl-bootstrap":
      writer.u8(TYPES.bootstrap).text(command.accessor).text(command.secretHash).u53(command.resetIndex);
      return;
    default:
      return unreachable(command);
  }
}

/** Reads the fields behind a type byte; undefined: not of this domain. @throws InvalidCommand, MalformedBytes */
export function readAclCommand(type: number, reader: ByteReader): AclCommand | undefined {
  const command = read(type, reader);
  if (command !== undefined) check(command);
  return command;
}

function read(type: number, reader: ByteReader): AclCommand | undefined {
  switch (type) {
    case TYPES.policySet: {
      const [name, description] = [reader.text(), reader.text()];
      return { kind: "acl-policy-set", name, description, rules: readRules(reader) };
    }
    case TYPES.policyDelete:
      return { kind: "acl-policy-delete", name: reader.text() };
    case TYPES.tokenCreate: {
      const [accessor, secretHash, description] = [reader.text(), reader.text(), reader.text()];
      const policies = readTexts(reader);
      return { kind: "acl-token-create", accessor, secretHash, description, policies, expiresAt: reader.u53() };
    }
    case TYPES.tokenUpdate: {
      const [accessor, description] = [reader.text(), reader.text()];
      return { kind: "acl-token-update", accessor, description, policies: readTexts(reader) };
    }
    case TYPES.tokenDelete:
      return { kind: "acl-token-delete", accessor: reader.text() };
    case TYPES.bootstrap: {
      const [accessor, secretHash] = [reader.text(), reader.text()];
      return { kind: "acl-bootstrap", accessor, secretHash, resetIndex: reader.u53() };
    }
    default:
      return undefined;
  }
}

/** @throws InvalidCommand that names the field */
function check(command: AclCommand): void {
  if ("name" in command) checkName("policy's name", command.name);
  if ("accessor" in command) checkName("token's accessor", command.accessor);
  if ("secretHash" in command && !/^[0-9a-f]{64}$/.test(command.secretHash))
    throw new InvalidCommand("A token's secret hash must be 64 hex digits");
  if ("description" in command && Buffer.byteLength(command.description) > ACL_LIMITS.descriptionBytesMax)
    throw new InvalidCommand(`A description must have at most ${ACL_LIMITS.descriptionBytesMax} bytes`);
  if ("policies" in command) {
    if (command.policies.length > ACL_LIMITS.policiesMax)
      throw new InvalidCommand(`A token must have at most ${ACL_LIMITS.policiesMax} policies`);
    for (const name of command.policies) checkName("policy's name", name);
  }
  if ("rules" in command) {
    if (command.rules.length > ACL_LIMITS.rulesMax)
      throw new InvalidCommand(`A policy must have at most ${ACL_LIMITS.rulesMax} rules`);
    for (const rule of command.rules) checkRule(rule);
  }
}

function checkName(what: string, name: string): void {
  if (NAME.test(name) && name.length <= ACL_LIMITS.nameBytesMax) return;
  throw new InvalidCommand(`A ${what} must be 1 to ${ACL_LIMITS.nameBytesMax} letters, digits, dots, dashes`);
}

function checkRule({ resource, match, capabilities }: AclRule): void {
  const allowed: readonly AclCapability[] = ACL_CAPABILITIES[resource];
  if (capabilities.length === 0 || new Set(capabilities).size < capabilities.length)
    throw new InvalidCommand(`A rule for ${resource} must name capabilities, each once`);
  for (const one of capabilities) {
    if (!allowed.includes(one)) throw new InvalidCommand(`A rule for ${resource} must not have capability ${one}`);
  }
  if (Buffer.byteLength(match.pattern) > ACL_LIMITS.patternBytesMax)
    throw new InvalidCommand(`A rule's pattern must have at most ${ACL_LIMITS.patternBytesMax} bytes`);
}
