import { expect, test } from "bun:test";
import type { HttpDeps } from "../deps.ts";
import { clusterStatus } from "./cluster.ts";
import type { MembershipCall } from "./membership.ts";

const [A, B, C] = ["a~0", "b~0", "c~0"];
const NOW = 10_000;
const MEMBER = { name: "", address: "", httpAddress: "", zone: "", version: "" };

/** What a leader of `voters` says, while the voters of before still decide too, and who was not heard. */
async function statusOf(voters: readonly string[], outgoing: readonly string[], dead = ""): Promise<unknown> {
  const membership = { voters, outgoing, members: new Map(voters.map((key) => [key, { ...MEMBER, id: key }])) };
  const peers = voters.slice(1).map((key) => ({ key, match: 5, lastContact: key === dead ? 0 : NOW }));
  const core = { role: "leader", leader: A, peers, membership, committedMembership: membership };
  const deps: HttpDeps = Object({
    health: { lastContactMsMax: 2_000 },
    autopilot: { health: () => ({ isHealthy: true, servers: new Map() }) },
    replica: {
      status: () => ({ now: NOW, self: A, core }),
      leader: () => ({ ...MEMBER, id: A }),
      logSizeBytes: () => 0,
    },
  });
  const call: MembershipCall = Object({ respond: { json: (body: unknown) => Response.json(body) } });
  return (await clusterStatus(deps, call)).json();
}

test("the leader says how many may fail, which is none while one voter grows to three", async () => {
  const whole = { state: "healthy", voters: 3, quorum: 2, healthy_voters: 3 };
  expect(await statusOf([A, B, C], [])).toMatchObject({ ...whole, failure_tolerance: 1 });
  expect(await statusOf([A, B, C], [A])).toMatchObject({ ...whole, failure_tolerance: 0 });
  const less = { state: "degraded", voters: 3, quorum: 2, healthy_voters: 2, failure_tolerance: 0 };
  expect(await statusOf([A, B, C], [], C)).toMatchObject(less);
});
