import { expect, test } from "bun:test";
import type { HttpDeps } from "../deps.ts";
import { refuseIfNeeded } from "./membership.ts";

const SELF = "a~0";
const NEVER = -Infinity;

/** A leader of three; `contacts`: when the two others were last heard, at each time that somebody looks. */
function leaderOf(contacts: (now: number) => readonly [b: number, c: number], role = "leader"): HttpDeps {
  let now = 10_000;
  const deps: HttpDeps = Object({
    health: { lastContactMsMax: 2_000 },
    clock: {
      now: () => now,
      at: (at: number, task: () => void) => {
        now = at;
        queueMicrotask(task);
      },
    },
    replica: {
      status: () => {
        const [b, c] = contacts(now);
        const peers = [
          { key: "b~0", lastContact: b },
          { key: "c~0", lastContact: c },
        ];
        return {
          now,
          self: SELF,
          core: { role, peers, unconnected: [], membership: { voters: [SELF, "b~0", "c~0"] } },
        };
      },
    },
  });
  return deps;
}

async function leaving(deps: HttpDeps): Promise<string> {
  return refuseIfNeeded(deps, deps.replica.status().self).then(
    () => "may leave",
    (cause: unknown) => String(cause),
  );
}

test("a leader that leaves must leave a quorum behind; one that has just won waits for the first answers", async () => {
  expect(await leaving(leaderOf((now) => [now, now]))).toBe("may leave");
  expect(await leaving(leaderOf((now) => (now < 10_200 ? [NEVER, NEVER] : [now, now])))).toBe("may leave");
  expect(await leaving(leaderOf((now) => [now, NEVER]))).toContain("only 1 of the 2 voters");
  expect(await leaving(leaderOf(() => [NEVER, NEVER]))).toContain("only 0 of the 2 voters");
  // Somebody else is to be asked.
  expect(await leaving(leaderOf(() => [NEVER, NEVER], "follower"))).toBe("may leave");
});
