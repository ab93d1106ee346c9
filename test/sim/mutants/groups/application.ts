import type { Draft } from "../mutant.ts";

/** What stands above the node. */
export const APPLICATION: readonly Draft[] = [
  {
    breaks: "a session is renewed only by a leader that a quorum confirmed",
    file: "src/replica/session-keeper.ts",
    find: "const failure = await confirm();",
    replace: "const failure = await Promise.resolve<Awaited<ReturnType<typeof confirm>>>(undefined);",
  },
  {
    breaks: "a heartbeat is answered only by a leader that a quorum confirmed",
    file: "src/replica/registry.ts",
    find: "const failure = await confirm();",
    replace: "const failure = await Promise.resolve<Awaited<ReturnType<typeof confirm>>>(undefined);",
  },
  {
    breaks: "a pause of the leader is not charged to its clients",
    file: "src/replica/attended-clock.ts",
    find: "return this.#base + Math.min(this.#clock.now() - this.#lastTick, TICK_MS_MAX);",
    replace: "return this.#base + (this.#clock.now() - this.#lastTick);",
  },
  {
    breaks: "a renewal waits while the end of its session is decided",
    file: "src/replica/session-keeper.ts",
    find: "await this.#ending.get(id);",
    replace: "",
  },
  {
    breaks: "a session whose end may still come is not renewed",
    file: "src/replica/session-keeper.ts",
    find: 'if (this.#doomed.has(id)) return { kind: "failed", failure: { kind: "timeout" } };',
    replace: "",
  },
  {
    breaks: "a new leader gives sessions their full TTL",
    file: "src/replica/session-keeper.ts",
    find: "      this.#renewals.clear();",
    replace: "",
  },
  {
    breaks: "a new leader gives instances their full TTL",
    file: "src/replica/registry.ts",
    find: "    this.#heard.clear();\n    if (this.#leadingTerm === undefined) return;",
    replace: "    if (this.#leadingTerm === undefined || this.#heard.size > 0) return;",
  },
  {
    breaks: "who leads again after somebody else is a new leader, for sessions",
    file: "src/replica/session-keeper.ts",
    find: "if (term !== this.#leading?.term) {",
    replace: "if ((term === undefined) !== (this.#leading === undefined)) {",
  },
  {
    breaks: "the end of an instance that changed in between is void",
    file: "src/fsm/services/service-apply.ts",
    find: "if (row === undefined || (ifIndex !== undefined && ifIndex !== row.modifyIndex)) missing += 1;",
    replace: "if (row === undefined) missing += 1;",
  },
  {
    breaks: "a held lock is not taken",
    file: "src/fsm/sessions/session-apply.ts",
    find: 'if (holder !== "" && holder !== session) return { kind: "lock-held", session: holder };',
    replace: "",
  },
  {
    breaks: "a session that ended takes no lock",
    file: "src/fsm/sessions/session-apply.ts",
    find: 'if (sessions.get(utf8(session)) === undefined) return { kind: "session-not-found" };',
    replace: "",
  },
  {
    breaks: "the lock delay holds",
    file: "src/fsm/sessions/session-apply.ts",
    find: 'if (holder === "" && until > time) return { kind: "lock-delayed", remainingMs: until - time };',
    replace: "",
  },
  {
    breaks: "fencing tokens rise, also when a key was deleted in between",
    file: "src/fsm/sessions/session-apply.ts",
    find: "const lockIndex = holder === session ? (row?.lock?.index ?? index) : index;",
    replace: "const lockIndex = holder === session ? (row?.lock?.index ?? 1) : (row?.lock?.index ?? 0) + 1;",
  },
  {
    breaks: "what is repeated under an idempotency key is done once",
    file: "src/fsm/once/once-apply.ts",
    find: "if (known !== undefined) return known.digest",
    replace: "if (known !== undefined && time < 0) return known.digest",
  },
  {
    breaks: "idempotency keys are part of the state",
    file: "src/fsm/once/once-apply.ts",
    find: "    this.#ages = new Map(rows.toSorted(",
    replace: "    for (const [key] of rows) this.#rows.delete(utf8(key));\n    this.#ages = new Map(rows.toSorted(",
  },
  {
    breaks: "a change wakes who waits for its key",
    file: "src/replica/watchers.ts",
    find: "    wakeEach(this.#byKey.get(key));",
    replace: "",
  },
  {
    breaks: "a change wakes who waits for its prefix",
    file: "src/replica/watchers.ts",
    find: "if (length <= key.length) wakeEach(",
    replace: "if (length > key.length) wakeEach(",
  },
  {
    breaks: "a restored state makes the feed of changes begin anew",
    file: "src/fsm/feed/change-feed.ts",
    find: "    this.#floor = { index, sub: Infinity };\n    this.#index",
    replace: "    this.#index",
  },
  {
    breaks: "dropped changes are said to be dropped",
    file: "src/fsm/feed/change-feed.ts",
    find: "      this.#floor = { index, sub };",
    replace: "",
  },
  {
    breaks: "compare-and-set compares the current index",
    file: "src/fsm/kv/kv-apply.ts",
    find: 'if (command.cas !== undefined && command.cas !== current) return { kind: "cas-conflict", modifyIndex: current };',
    replace: "",
  },
];
