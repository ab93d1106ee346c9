import { describe, expect, test } from "bun:test";
import { createPrng } from "../../base/index.ts";
import { createKonsulFsm, decodeCommand, encodeCommand, InvalidCommand, type AclRule, type Command } from "../index.ts";
import { goldenProblems } from "../golden-bytes.ts";
import { applyNext, drain, restoreFrom } from "../test-log.ts";

const HASH = "0123456789abcdef".repeat(4);
const RULE: AclRule = { resource: "kv", match: { kind: "prefix", pattern: "w/" }, capabilities: ["read", "deny"] };
const hexOf = (text: string): string => Buffer.from(text).toString("hex");

const GOLDEN: readonly (readonly [Command, string])[] = [
  [
    { kind: "acl-policy-set", name: "p", description: "d", rules: [RULE] },
    "01 50 01000000 70 01000000 64 01000000 00 00 02000000 772f 11000000",
  ],
  [{ kind: "acl-policy-delete", name: "p" }, "01 51 01000000 70"],
  [
    { kind: "acl-token-create", accessor: "a", secretHash: HASH, description: "", policies: ["p"], expiresAt: 258 },
    `01 52 01000000 61 40000000 ${hexOf(HASH)} 00000000 01000000 01000000 70 0201000000000000`,
  ],
  [
    { kind: "acl-token-update", accessor: "a", description: "d", policies: [] },
    "01 53 01000000 61 01000000 64 00000000",
  ],
  [{ kind: "acl-token-delete", accessor: "a" }, "01 54 01000000 61"],
  [
    { kind: "acl-bootstrap", accessor: "a", secretHash: HASH, resetIndex: 7 },
    `01 55 01000000 61 40000000 ${hexOf(HASH)} 0700000000000000`,
  ],
];

describe("commands of access control", () => {
  for (const [command, golden] of GOLDEN) {
    test(`the bytes of ${command.kind} are those of version 1, and no other bytes are taken`, () => {
      expect(goldenProblems(command, golden)).toEqual([]);
      expect(decodeCommand(encodeCommand(command))).toEqual(command);
    });
  }

  test("with a field out of its bounds are refused before they are proposed", () => {
    const wrong: Command[] = [
      { kind: "acl-policy-set", name: "", description: "", rules: [] },
      { kind: "acl-policy-set", name: "a b", description: "", rules: [] },
      { kind: "acl-policy-set", name: "a", description: "x".repeat(2000), rules: [] },
      { kind: "acl-policy-set", name: "a", description: "", rules: [{ ...RULE, capabilities: [] }] },
      { kind: "acl-policy-set", name: "a", description: "", rules: [{ ...RULE, capabilities: ["admin"] }] },
      { kind: "acl-policy-set", name: "a", description: "", rules: Array.from({ length: 257 }, () => RULE) },
      { kind: "acl-token-delete", accessor: "" },
      { kind: "acl-bootstrap", accessor: "a", secretHash: "secret", resetIndex: 0 },
    ];
    for (const command of wrong) expect(() => encodeCommand(command)).toThrow(InvalidCommand);
  });
});

describe("access control", () => {
  test("is bootstrapped once, and again only with the index that the refusal gave", () => {
    const fsm = createKonsulFsm();
    const first: Command = { kind: "acl-bootstrap", accessor: "a", secretHash: HASH, resetIndex: 0 };
    expect(applyNext(fsm, first)).toEqual({ kind: "acl-changed", modifyIndex: 1 });
    const second: Command = { ...first, accessor: "b", secretHash: HASH.toUpperCase().toLowerCase() };
    expect(applyNext(fsm, second)).toEqual({ kind: "acl-bootstrapped", index: 1 });
    expect(applyNext(fsm, { ...second, resetIndex: 2 })).toEqual({ kind: "acl-bootstrapped", index: 1 });
    expect(applyNext(fsm, { ...second, resetIndex: 1 })).toEqual({ kind: "acl-changed", modifyIndex: 4 });
    expect(applyNext(fsm, { ...second, accessor: "c", resetIndex: 1 })).toEqual({ kind: "acl-bootstrapped", index: 4 });
  });

  test("a token has the rules of its policies, until one of them changes", () => {
    const fsm = createKonsulFsm();
    const token: Command = {
      kind: "acl-token-create",
      accessor: "a",
      secretHash: HASH,
      description: "",
      policies: ["p"],
      expiresAt: 0,
    };
    expect(applyNext(fsm, token)).toEqual({ kind: "acl-unknown-policy", name: "p" });
    applyNext(fsm, { kind: "acl-policy-set", name: "p", description: "", rules: [RULE] });
    applyNext(fsm, token);
    expect(applyNext(fsm, token)).toEqual({ kind: "acl-exists" });
    expect(fsm.acl.identify(HASH)).toEqual({ accessor: "a", rules: [RULE], expiresAt: 0 });
    expect(fsm.acl.identify(HASH.replace("0", "1"))).toBeUndefined();
    const { version } = fsm.acl;
    applyNext(fsm, { kind: "acl-policy-set", name: "p", description: "", rules: [] });
    expect(fsm.acl.version).toBeGreaterThan(version);
    expect(fsm.acl.identify(HASH)?.rules).toEqual([]);
    expect(applyNext(fsm, { kind: "acl-policy-delete", name: "p" })).toEqual({
      kind: "acl-policy-in-use",
      accessor: "a",
    });
    applyNext(fsm, { kind: "acl-token-delete", accessor: "a" });
    expect(fsm.acl.identify(HASH)).toBeUndefined();
    expect(applyNext(fsm, { kind: "acl-policy-delete", name: "p" })).toMatchObject({ kind: "acl-changed" });
  });

  test("the anonymous token has no secret, and what is built in stays", () => {
    const fsm = createKonsulFsm();
    expect(fsm.acl.anonymous().rules).toEqual([]);
    const update: Command = {
      kind: "acl-token-update",
      accessor: "anonymous",
      description: "",
      policies: ["global-management"],
    };
    expect(applyNext(fsm, update)).toMatchObject({ kind: "acl-changed" });
    expect(fsm.acl.anonymous().rules.length).toBeGreaterThan(0);
    expect(fsm.acl.identify("")).toBeUndefined();
    expect(applyNext(fsm, { ...update, accessor: "nobody" })).toEqual({ kind: "acl-not-found" });
    expect(applyNext(fsm, { kind: "acl-policy-set", name: "global-management", description: "", rules: [] })).toEqual({
      kind: "acl-built-in",
    });
  });
});

test("a snapshot of any prefix of a log, and the rest applied, gives the same bytes and rights", () => {
  const prng = createPrng(5);
  const commands = Array.from({ length: 120 }, (): Command => {
    const name = prng.pick(["p", "q"]);
    const accessor = prng.pick(["a", "b", "c"]);
    const secretHash = HASH.slice(2) + prng.pick(["00", "11", "22"]);
    switch (prng.pick(["policy", "drop", "token", "update", "remove", "boot"] as const)) {
      case "policy":
        return { kind: "acl-policy-set", name, description: "", rules: prng.chance(0.5) ? [RULE] : [] };
      case "drop":
        return { kind: "acl-policy-delete", name };
      case "token":
        return { kind: "acl-token-create", accessor, secretHash, description: "", policies: [name], expiresAt: 1 };
      case "update":
        return { kind: "acl-token-update", accessor, description: "x", policies: [] };
      case "remove":
        return { kind: "acl-token-delete", accessor };
      case "boot":
      default:
        return { kind: "acl-bootstrap", accessor, secretHash, resetIndex: 0 };
    }
  });
  const whole = createKonsulFsm();
  const kinds = new Set(commands.map((command) => applyNext(whole, command).kind));
  expect(kinds.size).toBeGreaterThan(4);
  for (let cut = 0; cut <= commands.length; cut += 7) {
    const first = createKonsulFsm();
    for (const command of commands.slice(0, cut)) applyNext(first, command);
    const second = createKonsulFsm();
    restoreFrom(second, first);
    for (const command of commands.slice(cut)) applyNext(second, command);
    expect(Buffer.from(drain(second.freeze()).bytes).equals(drain(whole.freeze()).bytes)).toBe(true);
    expect(second.acl.tokens()).toEqual(whole.acl.tokens());
  }
});
