import { describe, expect, test } from "bun:test";
import { createPrng, utf8 } from "../../base/index.ts";
import {
  createKonsulFsm,
  decodeCommand,
  encodeCommand,
  InvalidCommand,
  overallStatus,
  type ActiveCheck,
  type Command,
  type KonsulFsm,
  type ServiceInstance,
} from "../index.ts";
import { goldenProblems } from "../golden-bytes.ts";
import { applyNext, drain, restoreFrom } from "../test-log.ts";

const instance: ServiceInstance = {
  address: "10.0.0.1",
  port: 80,
  tags: ["a", "b"],
  meta: [["zone", "x"]],
  weight: 1,
  ttlMs: 3000,
  deregisterAfterMs: 0,
  checks: [],
};

const check: ActiveCheck = {
  name: "c",
  kind: "tcp",
  target: "h:1",
  intervalMs: 10_000,
  timeoutMs: 5000,
  successThreshold: 1,
  failureThreshold: 2,
};

const bare: ServiceInstance = { ...instance, address: "a", port: 1, tags: [], meta: [], ttlMs: 0 };

function register(name: string, id: string, more: Partial<ServiceInstance> = {}): Command {
  return { kind: "service-register", name, id, instance: { ...instance, ...more } };
}

const GOLDEN: readonly (readonly [Command, string])[] = [
  [
    { ...register("w", "1"), kind: "service-register", name: "w", id: "1", instance, cas: 2 },
    "01 20 01000000 77 01000000 31 08000000 31302e302e302e31 5000 0200 01000000 61 01000000 62 0100 04000000 7a6f6e65 01000000 78 01000000 b80b000000000000 0000000000000000 0000 01 0200000000000000",
  ],
  [{ kind: "service-deregister", name: "w" }, "01 21 01000000 77 00 00"],
  [
    { kind: "service-deregister", name: "w", id: "1", ifIndex: 7 },
    "01 21 01000000 77 01 01000000 31 01 0700000000000000",
  ],
  [
    { kind: "service-status", updates: [{ name: "w", id: "1", status: "critical", output: "no" }] },
    "01 22 0100 01000000 77 01000000 31 02 02000000 6e6f 00",
  ],
  [
    {
      kind: "service-checked",
      updates: [{ name: "w", id: "1", check: "c", since: 5, status: "passing", output: "ok" }],
    },
    "01 23 0100 01000000 77 01000000 31 01000000 63 0500000000000000 00 02000000 6f6b",
  ],
  [
    { kind: "service-register", name: "w", id: "1", instance: { ...bare, checks: [check] } },
    "01 20 01000000 77 01000000 31 01000000 61 0100 0000 0000 01000000 0000000000000000 0000000000000000 0100 01000000 63 01 03000000 683a31 1027000000000000 8813000000000000 0100 0200 00",
  ],
];

describe("commands of the registry", () => {
  for (const [command, golden] of GOLDEN) {
    test(`the bytes of ${command.kind} are those of version 1, and no other bytes are taken`, () => {
      expect(goldenProblems(command, golden)).toEqual([]);
      expect(decodeCommand(encodeCommand(command))).toEqual(command);
    });
  }

  test("with a field out of its bounds are refused before they are proposed", () => {
    const wrong: Command[] = [
      register("", "1"),
      register("a\0b", "1"),
      register("w", "x".repeat(257)),
      register("w", "1", { port: 65_536 }),
      register("w", "1", { tags: ["b", "a"] }),
      register("w", "1", { tags: ["a", "a"] }),
      register("w", "1", { checks: [check, check] }),
      register("w", "1", { checks: [{ ...check, name: "" }] }),
      register("w", "1", { checks: [{ ...check, target: "x".repeat(4097) }] }),
      register("w", "1", { checks: [{ ...check, successThreshold: 0 }] }),
      register("w", "1", { checks: [{ ...check, failureThreshold: 101 }] }),
      register("w", "1", { checks: [{ ...check, intervalMs: 86_400_001 }] }),
      register("w", "1", { ttlMs: -1 }),
      register("w", "1", { meta: [["a", "x".repeat(5000)]] }),
      { kind: "service-status", updates: [] },
    ];
    for (const command of wrong) expect(() => encodeCommand(command)).toThrow(InvalidCommand);
  });
});

function idsOf(fsm: KonsulFsm, name?: string): string[] {
  return fsm.services.list(name).map((entry) => `${entry.name}/${entry.id}`);
}

describe("the registry", () => {
  test("keeps instances of one name side by side, apart from names that start alike", () => {
    const fsm = createKonsulFsm();
    for (const [name, id] of [
      ["web", "1"],
      ["web", "2"],
      ["web2", "1"],
      ["we", "b"],
    ] as const)
      applyNext(fsm, register(name, id));
    expect(idsOf(fsm, "web")).toEqual(["web/1", "web/2"]);
    expect(idsOf(fsm)).toHaveLength(4);
    expect(applyNext(fsm, { kind: "service-deregister", name: "web" })).toMatchObject({ count: 2 });
    expect(idsOf(fsm)).toEqual(["we/b", "web2/1"]);
    expect(applyNext(fsm, { kind: "service-deregister", name: "web" })).toEqual({ kind: "service-not-found" });
  });

  test("with cas registers only what has this modify index", () => {
    const fsm = createKonsulFsm();
    const once: Command = { kind: "service-register", name: "w", id: "1", instance, cas: 0 };
    expect(applyNext(fsm, once)).toEqual({ kind: "service-registered", modifyIndex: 1, createIndex: 1 });
    expect(applyNext(fsm, once)).toEqual({ kind: "service-conflict", modifyIndex: 1 });
  });

  test("wakes nobody for a status that stays the same, and leaves out what has changed since", () => {
    const fsm = createKonsulFsm();
    applyNext(fsm, register("w", "1"));
    const set = (status: "passing" | "critical", ifIndex?: number): unknown =>
      applyNext(fsm, {
        kind: "service-status",
        updates: [{ name: "w", id: "1", status, output: "", ...(ifIndex === undefined ? {} : { ifIndex }) }],
      });
    expect(set("passing")).toMatchObject({ changed: 0, missing: 0 });
    expect(fsm.hasChangedSince({ services: utf8("w\0") }, 1)).toBe(false);
    expect(set("critical", 99)).toMatchObject({ changed: 0, missing: 1 });
    expect(set("critical", 1)).toMatchObject({ changed: 1, missing: 0 });
    expect(fsm.services.get("w", "1")).toMatchObject({ status: "critical", createIndex: 1, modifyIndex: 4 });
    expect(fsm.hasChangedSince({ services: utf8("w\0") }, 1)).toBe(true);
    expect(fsm.hasChangedSince({ services: utf8("x\0") }, 1)).toBe(false);
    expect(fsm.hasChangedSince({ prefix: utf8("") }, 1)).toBe(false);
  });

  test("is the same after a snapshot of any prefix of the log and the rest of it", () => {
    const prng = createPrng(7);
    const commands = Array.from({ length: 60 }, (): Command => {
      const name = prng.pick(["web", "db"] as const);
      const id = String(prng.between(0, 4));
      const kind = prng.pick(["register", "register", "status", "deregister"] as const);
      if (kind === "register") return register(name, id, { port: prng.between(0, 100), meta: [] });
      if (kind === "deregister") return { kind: "service-deregister", name, id };
      return {
        kind: "service-status",
        updates: [{ name, id, status: prng.pick(["passing", "warning"]), output: "o" }],
      };
    });
    const whole = createKonsulFsm();
    for (const command of commands) applyNext(whole, command);
    for (let cut = 0; cut <= commands.length; cut += 1) {
      const first = createKonsulFsm();
      for (const command of commands.slice(0, cut)) applyNext(first, command);
      const second = createKonsulFsm();
      restoreFrom(second, first);
      for (const command of commands.slice(cut)) applyNext(second, command);
      expect(Buffer.from(drain(second.freeze()).bytes).equals(drain(whole.freeze()).bytes)).toBe(true);
    }
  });
});

describe("checks that the cluster runs", () => {
  const checked = (since: number, status: "passing" | "warning" | "critical", output = "", of = "c"): Command => ({
    kind: "service-checked",
    updates: [{ name: "w", id: "1", check: of, since, status, output }],
  });

  test("make an instance as good as its worst one, and are critical until they ran", () => {
    const fsm = createKonsulFsm();
    applyNext(fsm, register("w", "1", { checks: [check, { ...check, name: "d", kind: "http", target: "http://h/" }] }));
    const overall = () => overallStatus(fsm.services.get("w", "1") ?? expect.unreachable());
    expect(overall()).toBe("critical");
    applyNext(fsm, checked(1, "passing"));
    expect(overall()).toBe("critical");
    applyNext(fsm, checked(1, "passing", "", "d"));
    expect(overall()).toBe("passing");
    applyNext(fsm, checked(1, "warning", "hm", "d"));
    expect(overall()).toBe("warning");
    applyNext(fsm, { kind: "service-status", updates: [{ name: "w", id: "1", status: "critical", output: "" }] });
    expect(overall()).toBe("critical");
  });

  test("count only for the check that they were made for", () => {
    const fsm = createKonsulFsm();
    applyNext(fsm, register("w", "1", { checks: [check] }));
    applyNext(fsm, checked(1, "passing", "ok"));
    applyNext(fsm, register("w", "1", { checks: [check], port: 81 }));
    expect(fsm.services.get("w", "1")?.checkStates).toEqual([{ status: "passing", output: "ok", since: 1 }]);
    applyNext(fsm, register("w", "1", { checks: [{ ...check, target: "h:2" }] }));
    expect(fsm.services.get("w", "1")?.checkStates).toEqual([
      { status: "critical", output: "not checked yet", since: 4 },
    ]);
    expect(applyNext(fsm, checked(1, "passing", "late"))).toMatchObject({ changed: 0, missing: 1 });
    expect(applyNext(fsm, checked(4, "passing", "", "other"))).toMatchObject({ changed: 0, missing: 1 });
    expect(applyNext(fsm, checked(4, "passing", "ok"))).toMatchObject({ changed: 1, missing: 0 });
    const index = fsm.services.get("w", "1")?.modifyIndex;
    expect(applyNext(fsm, checked(4, "passing", "ok"))).toMatchObject({ changed: 0, missing: 0 });
    expect(fsm.services.get("w", "1")?.modifyIndex).toBe(index);
  });

  test("come back from a snapshot with what they came to", () => {
    const fsm = createKonsulFsm();
    applyNext(fsm, register("w", "1", { checks: [check] }));
    applyNext(fsm, checked(1, "warning", "slow"));
    const copy = createKonsulFsm();
    restoreFrom(copy, fsm);
    expect(copy.services.get("w", "1")).toEqual(fsm.services.get("w", "1"));
    expect(copy.stateHash()).toBe(fsm.stateHash());
  });
});
