import { expect, test } from "bun:test";
import {
  isAclResult,
  isKvResult,
  isRestoreResult,
  isServiceResult,
  isSessionResult,
  type FsmResult,
} from "./fsm-result.ts";

test("each result belongs to the domain of its command, and to no other", () => {
  const cases: readonly (readonly [FsmResult, string])[] = [
    [{ kind: "not-found" }, "kv"],
    [{ kind: "cas-conflict", modifyIndex: 1 }, "kv"],
    [{ kind: "service-not-found" }, "service"],
    [{ kind: "session-exists" }, "session"],
    [{ kind: "lock-held", session: "" }, "session"],
    [{ kind: "acl-built-in" }, "acl"],
    [{ kind: "once-mismatch" }, "none"],
    [{ kind: "settings-changed", modifyIndex: 1 }, "none"],
    [{ kind: "applied" }, "none"],
  ];
  for (const [result, domain] of cases) {
    const found = [
      isKvResult(result) ? "kv" : "",
      isServiceResult(result) ? "service" : "",
      isSessionResult(result) ? "session" : "",
      isAclResult(result) ? "acl" : "",
      isRestoreResult(result) ? "restore" : "",
    ].filter((name) => name !== "");
    expect([result.kind, ...found]).toEqual(domain === "none" ? [result.kind] : [result.kind, domain]);
  }
});
