import { utf8, type Prng } from "../base/index.ts";
import { encodeCommand, type Command } from "./commands.ts";
import type { FsmEntry } from "./konsul-fsm.ts";
import type { ServiceInstance } from "./services/service-row.ts";
import { commandEntry } from "./test-log.ts";

/** For tests: a log of random commands of every domain over few names, so that they meet each other. */
export function randomLogOfAll(prng: Prng, length: number): readonly FsmEntry[] {
  return Array.from({ length }, (_, at) => commandEntry(at + 1, anyCommand(prng, at + 1)));
}

function anyCommand(prng: Prng, index: number): Command {
  const domain = prng.pick(["kv", "services", "sessions", "sessions", "acl", "settings", "once"] as const);
  if (domain === "services") return serviceCommand(prng, index);
  if (domain === "sessions") return sessionCommand(prng);
  if (domain === "acl") return aclCommand(prng, index);
  if (domain === "settings") return { kind: "settings-set", name: "autopilot", text: `{"n":${prng.between(0, 9)}}` };
  const set = kvSet(prng);
  return domain === "kv" ? set : { kind: "once", key: `k${prng.between(0, 5)}`, command: encodeCommand(set) };
}

function kvSet(prng: Prng): Command {
  return { kind: "kv-set", key: keyOf(prng), value: utf8(String(prng.between(0, 3))), flags: 0n };
}

function keyOf(prng: Prng): Uint8Array {
  return utf8(`k/${prng.between(0, 4)}`);
}

function serviceCommand(prng: Prng, index: number): Command {
  const [name, id] = [prng.pick(["web", "db"]), prng.pick(["1", "2"])];
  const status = prng.pick(["passing", "warning", "critical"] as const);
  const kind = prng.pick(["register", "register", "deregister", "status", "checked"] as const);
  if (kind === "deregister") return { kind: "service-deregister", name, ...(prng.chance(0.5) ? { id } : {}) };
  if (kind === "status") return { kind: "service-status", updates: [{ name, id, status, output: "o" }] };
  if (kind === "checked") {
    const since = prng.between(Math.max(1, index - 20), index + 1);
    return { kind: "service-checked", updates: [{ name, id, check: "up", since, status, output: "c" }] };
  }
  const cas = prng.chance(0.2) ? { cas: prng.between(0, index) } : {};
  return { kind: "service-register", name, id, instance: instanceOf(prng), ...cas };
}

function instanceOf(prng: Prng): ServiceInstance {
  const check = {
    name: "up",
    kind: prng.pick(["http", "tcp"] as const),
    target: "h:1",
    intervalMs: 1000,
    timeoutMs: 500,
    successThreshold: 1,
    failureThreshold: prng.between(1, 3),
  };
  return {
    address: "h",
    port: prng.between(0, 3),
    tags: prng.chance(0.5) ? ["a"] : [],
    meta: prng.chance(0.5) ? [["zone", "x"]] : [],
    weight: 1,
    ttlMs: prng.pick([0, 1000]),
    deregisterAfterMs: 0,
    checks: prng.chance(0.5) ? [check] : [],
  };
}

function sessionCommand(prng: Prng): Command {
  const session = `s${prng.between(0, 4)}`;
  const kind = prng.pick(["create", "create", "destroy", "acquire", "acquire", "release"] as const);
  if (kind === "create") {
    const behavior = prng.pick(["release", "delete"] as const);
    const terms = { name: "n", ttlMs: 1000, behavior, lockDelayMs: prng.pick([0, 500]) };
    return { kind: "session-create", id: session, terms };
  }
  if (kind === "destroy") return { kind: "session-destroy", id: session };
  const lock = { key: keyOf(prng), value: utf8("v"), flags: 0n, session };
  return kind === "acquire" ? { kind: "lock-acquire", ...lock } : { kind: "lock-release", ...lock };
}

function aclCommand(prng: Prng, index: number): Command {
  const name = prng.pick(["p", "q"]);
  const accessor = prng.pick(["a", "b"]).repeat(8);
  const policies = prng.chance(0.7) ? [name] : [];
  const kind = prng.pick(["policy", "policy", "drop", "create", "update", "delete", "bootstrap"] as const);
  if (kind === "policy") {
    const rules = [
      { resource: "kv" as const, match: { kind: "prefix" as const, pattern: "x" }, capabilities: ["read" as const] },
    ];
    return { kind: "acl-policy-set", name, description: String(index), rules };
  }
  if (kind === "drop") return { kind: "acl-policy-delete", name };
  const secretHash = String(index).padStart(64, "0");
  const description = String(index);
  if (kind === "create") return { kind: "acl-token-create", accessor, secretHash, description, policies, expiresAt: 0 };
  if (kind === "update") return { kind: "acl-token-update", accessor, description, policies };
  if (kind === "delete") return { kind: "acl-token-delete", accessor };
  return { kind: "acl-bootstrap", accessor: `root${index}`, secretHash, resetIndex: prng.between(0, index) };
}
