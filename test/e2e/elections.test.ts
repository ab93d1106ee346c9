import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, type AgentProcess } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** What curl sees. */
async function curl(...words: readonly string[]): Promise<Answer> {
  const child = Bun.spawn(["curl", "--silent", "--include", "--max-time", "30", ...words], {
    stdout: "pipe",
    stderr: "ignore",
  });
  const text = await new Response(child.stdout).text();
  await child.exited;
  // Redirects that were followed come first, each with a head of its own.
  const parts = text.split("\r\n\r\n");
  const [line = "", ...headers] = (parts.at(-2) ?? "").split("\r\n");
  return {
    status: Number(line.split(" ")[1]),
    headers: new Map(
      headers.map((header) => [
        header.slice(0, header.indexOf(":")).toLowerCase(),
        header.slice(header.indexOf(":") + 2),
      ]),
    ),
    body: parts.at(-1) ?? "",
  };
}

function errorOf({ body }: Answer): unknown {
  return Object(JSON.parse(body)).error;
}

async function freeze(node: AgentProcess): Promise<void> {
  node.child.kill("SIGSTOP");
}

const hasCurl = Bun.which("curl") !== null;
if (!hasCurl) console.log("SKIP: what curl sees in an election: there is no curl");

describe("what clients get", () => {
  test.skipIf(!hasCurl)(
    "from a follower that knows its leader: 307, which curl and fetch follow with the body",
    async () => {
      const { leader, followers } = await startThreeNodes();
      const url = `${followers[0].url}/kv/a?flags=3`;
      const redirect = await curl("-X", "PUT", "--data-binary", "one", url);
      expect([redirect.status, redirect.headers.get("location"), errorOf(redirect)]).toEqual([
        307,
        `${leader.url}/kv/a?flags=3`,
        "not_leader",
      ]);
      const followed = await curl(
        "--location",
        "-X",
        "PUT",
        "-H",
        "Content-Type: text/plain",
        "--data-binary",
        "one",
        url,
      );
      expect(followed.status).toBe(200);
      expect((await fetch(url, { method: "PUT", body: "two" })).status).toBe(200);
      expect((await curl(`${followers[1].url}/kv/a?raw&consistent`)).body).toBe("two");
    },
    60_000,
  );

  test.skipIf(!hasCurl)(
    "where nobody leads: 503 with Retry-After for what needs a leader, 200 for what does not",
    async () => {
      const { leader, followers } = await startThreeNodes();
      const [last, other] = followers;
      expect((await curl("-X", "PUT", "--data-binary", "one", "--location", `${last.url}/kv/a`)).status).toBe(200);
      while ((await curl(`${last.url}/kv/a?raw`)).body !== "one") await Bun.sleep(20);
      await leader.end("SIGKILL");
      await other.end("SIGKILL");
      const write = ["-X", "PUT", "--data-binary", "two", `${last.url}/kv/a`];
      // For a moment it still sends clients to the leader that it knew.
      let refused = await curl(...write);
      while (refused.status === 307) refused = await curl(...write);
      expect([refused.status, errorOf(refused)]).toEqual([503, "no_leader"]);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      const byFetch = await fetch(`${last.url}/kv/a`, { method: "PUT", body: "two" });
      expect([byFetch.status, Object(await byFetch.json()).error]).toEqual([503, "no_leader"]);
      expect([503, 504]).toContain((await curl(`${last.url}/kv/a?consistent`)).status);
      expect((await curl(`${last.url}/kv/a?raw`)).body).toBe("one");
      const [noLeader, ready, live] = [
        await curl(`${last.url}/cluster/leader`),
        await curl(`${last.url}/health/ready`),
        await curl(`${last.url}/health/live`),
      ];
      expect([noLeader.status, ready.status, live.status]).toEqual([404, 503, 200]);
    },
    60_000,
  );

  test.skipIf(!hasCurl)(
    "for a write that was handed to a leader that says no more: 504, which does not say that it failed",
    async () => {
      const { leader, followers } = await startThreeNodes(["--follower-writes=forward", "--limit-request-timeout=1s"]);
      await freeze(leader);
      const [answer, second] = await Promise.all([
        curl("-X", "PUT", "--data-binary", "one", `${followers[0].url}/kv/a`),
        fetch(`${followers[1].url}/kv/b`, { method: "PUT", body: "two" }),
      ]);
      expect([answer.status, errorOf(answer)]).toEqual([504, "outcome_unknown"]);
      expect(answer.body).toContain("may or may not have happened");
      expect(second.status).toBe(504);
      leader.child.kill("SIGCONT");
      for (const key of ["a", "b"]) {
        while (![200, 404].includes((await curl(`${leader.url}/kv/${key}?consistent`)).status)) await Bun.sleep(50);
      }
      while ((await curl("-X", "PUT", "--data-binary", "x", `${followers[0].url}/kv/c`)).status !== 200)
        await Bun.sleep(50);
    },
    60_000,
  );
});
