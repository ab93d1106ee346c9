import { describe, expect, test } from "bun:test";
import type { HttpDeps } from "../deps.ts";
import type { Responder } from "../respond.ts";
import { ready } from "./health.ts";

const respond: Responder = Object({ json: (body: unknown, status = 200) => Response.json(body, { status }) });

interface Node {
  readonly condition: { readonly kind: string; readonly reason?: string };
  readonly role: string;
  readonly leader: string | undefined;
  readonly hasCaughtUp: boolean;
  /** Entries that are committed and not applied here. */
  readonly lag: number;
  readonly lagMs: number;
  readonly lastContactMs: number;
}

const SOUND: Node = {
  condition: { kind: "running" },
  role: "follower",
  leader: "a~0",
  hasCaughtUp: true,
  lag: 100,
  lagMs: 5_000,
  lastContactMs: 2_000,
};

async function askedOf(change: Partial<Node>): Promise<readonly [status: number, reason: unknown]> {
  const { condition, role, leader, hasCaughtUp, lag, lagMs, lastContactMs } = { ...SOUND, ...change };
  const deps: HttpDeps = Object({
    health: { lagEntriesMax: 100, lagMsMax: 5_000, lastContactMsMax: 2_000 },
    replica: {
      status: () => ({ condition, core: { role, leader, applied: 1_000 }, leaderCommit: 1_000 + lag }),
      stance: () => ({ lastContactMs }),
      lagMs: () => lagMs,
      hasCaughtUp: () => hasCaughtUp,
    },
  });
  const answer = ready(deps, respond);
  return [answer.status, Object(await answer.json()).reason];
}

describe("/health/ready", () => {
  test("is 200 as long as nothing is above its threshold", async () => {
    expect(await askedOf({})).toEqual([200, undefined]);
  });

  test("says what is wrong: one threshold after the other, and what no threshold is needed for", async () => {
    for (const [change, reason] of [
      [{ lag: 101 }, "this node is 101 entries behind the leader"],
      [{ lagMs: 5_001 }, "this node has been behind for 5001 ms"],
      [{ lastContactMs: 2_001 }, "this node has not heard the leader for 2001 ms"],
      [{ hasCaughtUp: false, lag: 3 }, "this node has not caught up since it started: 3 entries are missing"],
      [{ leader: undefined }, "no node leads"],
      [{ condition: { kind: "untrusted", reason: "its log is gone" } }, "its log is gone"],
      [{ condition: { kind: "starting" } }, "this node is not running"],
    ] as const) {
      expect([change, await askedOf(change)]).toEqual([change, [503, reason]]);
    }
    expect(await askedOf({ role: "removed" })).toEqual([503, expect.stringContaining("empty data folder")]);
  });
});
