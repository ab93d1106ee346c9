import { describe, expect, test } from "bun:test";
import { createPrng, MalformedBytes, memberKey } from "../base/index.ts";
import { decodeMembership, encodeMembership } from "./membership-codec.ts";
import { EMPTY_MEMBERSHIP, type Member, type Membership } from "./membership.ts";

const FIRST = "00000000000000a1";

function member(id: string, parts: Partial<Member> = {}): Member {
  return {
    id,
    incarnation: FIRST,
    name: `name of ${id}`,
    address: `${id}:7000`,
    httpAddress: `http://${id}:8500`,
    zone: "z",
    version: "1.2.3",
    commandVersion: 2,
    nonVoter: false,
    admitted: 5,
    publicKey: "ff",
    ...parts,
  };
}

function joint(ids: readonly string[]): Membership {
  const keys = ids.map((id) => memberKey(id, FIRST));
  return {
    voters: keys.slice(0, 2),
    outgoing: keys.slice(1, 3),
    learners: keys.slice(3),
    learnersNext: keys.slice(2, 3),
    autoLeave: true,
    members: new Map(ids.map((id) => [memberKey(id, FIRST), member(id)])),
    clusterVersion: 2,
  };
}

const GOLDEN =
  "0101010000000100000001010000006110000000303030303030303030303030303061310000000003000000613a31" +
  "0000000000000000000000000100000000070000000020000000000000";

describe("encodeMembership()", () => {
  test("encodeMembership() writes these very bytes", () => {
    const small: Membership = {
      ...EMPTY_MEMBERSHIP,
      voters: [memberKey("a", FIRST)],
      members: new Map([
        [
          memberKey("a", FIRST),
          member("a", {
            name: "",
            address: "a:1",
            httpAddress: "",
            zone: "",
            version: "",
            commandVersion: 1,
            admitted: 7 + 2 ** 45,
            publicKey: "",
          }),
        ],
      ]),
    };
    expect(Buffer.from(encodeMembership(small)).toString("hex")).toBe(GOLDEN);
    expect(decodeMembership(new Uint8Array(Buffer.from(GOLDEN, "hex")))).toEqual(small);
  });

  test("encodeMembership() of the empty membership is its header", () => {
    expect([...encodeMembership(EMPTY_MEMBERSHIP)]).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect(decodeMembership(encodeMembership(EMPTY_MEMBERSHIP))).toEqual(EMPTY_MEMBERSHIP);
  });

  test("encodeMembership() does not depend on the order of lists and members", () => {
    const sorted = joint(["a", "b", "c", "d", "e"]);
    const mixed: Membership = {
      ...sorted,
      voters: sorted.voters.toReversed(),
      learners: sorted.learners.toReversed(),
      members: new Map([...sorted.members].toReversed()),
    };
    expect(encodeMembership(mixed)).toEqual(encodeMembership(sorted));
  });
});

describe("decodeMembership()", () => {
  test("decodeMembership() gives back every role and field", () => {
    const all = joint(["10", "9", "__proto__", "constructor", "e"]);
    expect(decodeMembership(encodeMembership(all))).toEqual(all);
  });

  test("decodeMembership() refuses every shorter input and a longer one", () => {
    const bytes = encodeMembership(joint(["a", "b", "c", "d"]));
    for (let size = 0; size < bytes.length; size += 1) {
      expect(() => decodeMembership(bytes.slice(0, size))).toThrow(MalformedBytes);
    }
    expect(() => decodeMembership(new Uint8Array([...bytes, 0]))).toThrow(MalformedBytes);
  });

  test("decodeMembership() refuses an unknown format", () => {
    const bytes = encodeMembership(EMPTY_MEMBERSHIP);
    bytes[0] = 2;
    expect(() => decodeMembership(bytes)).toThrow("Cannot read membership format 2: known is 1");
  });

  test("decodeMembership() refuses what breaks an invariant", () => {
    const both = joint(["a", "b", "c", "d"]);
    const unsound = { ...both, learners: [...both.learners, memberKey("a", FIRST)] };
    expect(() => decodeMembership(encodeMembership(unsound))).toThrow("must not be voter and learner at once");
  });

  test("decodeMembership() refuses ids that no member may have", () => {
    const odd: Membership = {
      ...EMPTY_MEMBERSHIP,
      voters: ["a b~00000000000000a1"],
      members: new Map([["a b~00000000000000a1", member("a b")]]),
    };
    expect(() => decodeMembership(encodeMembership(odd))).toThrow(MalformedBytes);
  });

  test("decodeMembership() of damaged bytes throws MalformedBytes or gives another sound membership (seed 53)", () => {
    const prng = createPrng(53);
    const bytes = encodeMembership(joint(["a", "b", "c", "d"]));
    let refused = 0;
    for (let round = 0; round < 3000; round += 1) {
      const damaged = bytes.slice();
      damaged[prng.between(0, bytes.length)] = prng.between(0, 256);
      try {
        expect(encodeMembership(decodeMembership(damaged))).toEqual(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedBytes);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});
