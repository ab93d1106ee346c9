import { describe, expect, test } from "bun:test";
import { isAllowed, type AclCapability, type AclMatch, type AclNeed, type AclRule } from "./acl-rule.ts";

function kv(kind: AclMatch["kind"], pattern: string, ...capabilities: readonly AclCapability[]): AclRule {
  return { resource: "kv", match: { kind, pattern }, capabilities };
}

function may(rules: readonly AclRule[], capability: AclNeed["capability"], scope: AclNeed["scope"]): boolean {
  return isAllowed(rules, { resource: "kv", capability, scope });
}

describe("rules of policies", () => {
  test("nothing is allowed that no rule allows", () => {
    expect(may([], "read", { exact: "a" })).toBe(false);
    expect(may([kv("prefix", "", "write")], "read", { exact: "a" })).toBe(false);
    expect(
      isAllowed([kv("prefix", "", "read")], { resource: "service", capability: "read", scope: { exact: "a" } }),
    ).toBe(false);
  });

  test("a prefix, an exact name and a glob match what they say and nothing else", () => {
    const cases: readonly (readonly [AclMatch["kind"], string, string, boolean])[] = [
      ["prefix", "web/", "web/a", true],
      ["prefix", "web/", "web", false],
      ["prefix", "web/", "webx/a", false],
      ["exact", "web", "web", true],
      ["exact", "web", "web/", false],
      ["glob", "a/*/c", "a/b/c", true],
      ["glob", "a/*/c", "a/b/b/c", true],
      ["glob", "a/*/c", "a/b/d", false],
      ["glob", "*", "", true],
      ["glob", "a*", "ba", false],
      ["glob", "a*b*c", "a1b2b3c", true],
      ["glob", "a*b", "aXbY", false],
      ["glob", "a", "ab", false],
    ];
    for (const [kind, pattern, name, expected] of cases) {
      expect([kind, pattern, name, may([kv(kind, pattern, "read")], "read", { exact: name })]).toEqual([
        kind,
        pattern,
        name,
        expected,
      ]);
    }
  });

  test("a denial wins, wherever it stands", () => {
    const rules = [kv("prefix", "", "read", "list"), kv("prefix", "secret/", "deny"), kv("glob", "a/*/key", "deny")];
    expect(may(rules, "read", { exact: "secret/x" })).toBe(false);
    expect(may(rules.toReversed(), "read", { exact: "secret/x" })).toBe(false);
    expect(may(rules, "read", { exact: "a/b/key" })).toBe(false);
    expect(may(rules, "read", { exact: "public" })).toBe(true);
  });

  test("all names with a prefix are asked for at once: one that is denied denies them all", () => {
    const rules = [kv("prefix", "a/", "list"), kv("exact", "a/b/secret", "deny"), kv("glob", "a/c/*", "deny")];
    expect(may(rules, "list", { prefix: "a/" })).toBe(false);
    expect(may(rules, "list", { prefix: "a/b/" })).toBe(false);
    expect(may(rules, "list", { prefix: "a/b/x" })).toBe(true);
    expect(may(rules, "list", { prefix: "a/c/x" })).toBe(false);
    expect(may(rules, "list", { prefix: "a/d" })).toBe(true);
    expect(may(rules, "list", { prefix: "" })).toBe(false);
    expect(may([kv("glob", "a/*", "list")], "list", { prefix: "a/" })).toBe(false);
  });

  test("who may administer may read", () => {
    const rule: AclRule = { resource: "cluster", match: { kind: "prefix", pattern: "" }, capabilities: ["admin"] };
    expect(isAllowed([rule], { resource: "cluster", capability: "read", scope: { exact: "" } })).toBe(true);
  });

  test("no pattern takes more than pattern × name steps", () => {
    const pattern = "*a".repeat(500);
    expect(may([kv("glob", pattern, "read")], "read", { exact: "a".repeat(1023) + "b" })).toBe(false);
  });
});
