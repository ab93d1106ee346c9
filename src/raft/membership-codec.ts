import {
  ByteReader,
  ByteWriter,
  InvalidId,
  MalformedBytes,
  memberKey,
  toIncarnation,
  toLogIndex,
  toNodeId,
  type MemberKey,
} from "../base/index.ts";
import type { Member, Membership } from "./membership.ts";
import { membershipProblem } from "./membership-invariants.ts";

/** First byte of an encoded membership. */
const FORMAT = 1;

/** Role bits of one member. */
const VOTER = 1;
const OUTGOING = 2;
const LEARNER = 4;
const LEARNER_NEXT = 8;
const ROLES_ALL = VOTER | OUTGOING | LEARNER | LEARNER_NEXT;

const MEMBER_COUNT_MAX = 10_000;

/**
 * Equal memberships give equal bytes, whatever the order of their lists: members in key order, each with its roles.
 * u8 format, u8 autoLeave, u32 clusterVersion, u32 count, then per member u8 roles and its fields.
 */
export function encodeMembership(membership: Membership): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(FORMAT).u8(Number(membership.autoLeave)).u32(membership.clusterVersion).u32(membership.members.size);
  const roles = rolesByKey(membership);
  const members = [...membership.members].toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)));
  for (const [key, member] of members) {
    writer.u8(roles.get(key) ?? 0);
    encodeMember(writer, member);
  }
  return writer.finish();
}

/** Reads what {@link encodeMembership} wrote, and nothing that breaks an invariant. @throws MalformedBytes */
export function decodeMembership(bytes: Uint8Array): Membership {
  try {
    return readMembership(bytes);
  } catch (cause) {
    if (!(cause instanceof InvalidId)) throw cause;
    throw new MalformedBytes(`Cannot read a membership: ${cause.message}`, { cause });
  }
}

function rolesByKey(membership: Membership): Map<MemberKey, number> {
  const roles = new Map<MemberKey, number>();
  const add = (keys: readonly MemberKey[], bit: number): void => {
    for (const key of keys) roles.set(key, (roles.get(key) ?? 0) | bit);
  };
  add(membership.voters, VOTER);
  add(membership.outgoing, OUTGOING);
  add(membership.learners, LEARNER);
  add(membership.learnersNext, LEARNER_NEXT);
  return roles;
}

function encodeMember(writer: ByteWriter, member: Member): void {
  writer.text(member.id).text(member.incarnation).text(member.name).text(member.address).text(member.httpAddress);
  writer.text(member.zone).text(member.version).u32(member.commandVersion).u8(Number(member.nonVoter));
  writer.u53(member.admitted).text(member.publicKey);
}

function readMembership(bytes: Uint8Array): Membership {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== FORMAT) throw new MalformedBytes(`Cannot read membership format ${format}: known is ${FORMAT}`);
  const autoLeave = readFlag(reader);
  const clusterVersion = reader.u32();
  const count = reader.u32();
  if (count > MEMBER_COUNT_MAX) throw new MalformedBytes(`Cannot read ${count} members: limit is ${MEMBER_COUNT_MAX}`);
  const voters: MemberKey[] = [];
  const outgoing: MemberKey[] = [];
  const learners: MemberKey[] = [];
  const learnersNext: MemberKey[] = [];
  const members = new Map<MemberKey, Member>();
  let previous: MemberKey = "";
  for (let i = 0; i < count; i += 1) {
    const roles = reader.u8();
    if ((roles & ~ROLES_ALL) !== 0) throw new MalformedBytes(`Cannot read the roles ${roles}`);
    const member = readMember(reader);
    const key = memberKey(member.id, member.incarnation);
    if (key <= previous) throw new MalformedBytes(`Cannot read ${key} after ${previous}`);
    previous = key;
    members.set(key, member);
    if ((roles & VOTER) !== 0) voters.push(key);
    if ((roles & OUTGOING) !== 0) outgoing.push(key);
    if ((roles & LEARNER) !== 0) learners.push(key);
    if ((roles & LEARNER_NEXT) !== 0) learnersNext.push(key);
  }
  reader.end();
  const membership: Membership = { voters, outgoing, learners, learnersNext, autoLeave, members, clusterVersion };
  const problem = membershipProblem(membership);
  if (problem !== undefined) throw new MalformedBytes(`Cannot read a membership as ${problem}`);
  return membership;
}

function readMember(reader: ByteReader): Member {
  return {
    id: toNodeId(reader.text()),
    incarnation: toIncarnation(reader.text()),
    name: reader.text(),
    address: reader.text(),
    httpAddress: reader.text(),
    zone: reader.text(),
    version: reader.text(),
    commandVersion: reader.u32(),
    nonVoter: readFlag(reader),
    admitted: toLogIndex(reader.u53()),
    publicKey: reader.text(),
  };
}

function readFlag(reader: ByteReader): boolean {
  const value = reader.u8();
  if (value > 1) throw new MalformedBytes(`Cannot read ${value} as a flag`);
  return value === 1;
}
