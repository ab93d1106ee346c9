import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, KONSUL, launchAgent, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { site, statusOf, threeOf, untilPut, untilVoters, type Site } from "./site.ts";

afterEach(cleanUp);

async function rejections(url: string | undefined, reason: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`konsul_peer_rejected_total\\{reason="${reason}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
}

async function said(agent: Pick<AgentProcess, "log">, words: string): Promise<void> {
  while (!agent.log().includes(words)) await Bun.sleep(20);
}

function withTokens(one: Site, at: number, file: string, ...more: readonly string[]): string[] {
  return [...one.flags(at).filter((flag) => !flag.startsWith("--join-token")), `--join-token-file=${file}`, ...more];
}

test("a node of another cluster at a member's address is turned away, with a line and a count, and changes nothing", async () => {
  const one = site(3);
  const nodes = await threeOf(one);
  await nodes[2]?.end("SIGKILL");
  const flags = one
    .flags(2, "--bootstrap")
    .map((flag) =>
      flag
        .replace("--node-id=node-2", "--node-id=foreign")
        .replace(/--data-dir=.*/, `--data-dir=${join(one.folder, "foreign")}`),
    );
  const foreign = await startAgent(flags);
  while ((await rejections(foreign.url, "not-addressed")) === 0) await Bun.sleep(20);
  expect(foreign.log()).toMatch(/node-2~\w+ was asked for, but this is foreign~/);
  await untilPut(one.urls[0], "a");
  expect((await statusOf(one.urls[0] ?? "")).nodes?.map(({ id }) => id).toSorted()).toEqual([
    "node-0",
    "node-1",
    "node-2",
  ]);
  expect((await statusOf(foreign.url)).nodes?.map(({ id }) => id)).toEqual(["foreign"]);
}, 60_000);

describe("without a restart", () => {
  test("join tokens rotate: the new one is accepted beside the old one, then alone", async () => {
    const one = site(4);
    const files = [0, 1, 2, 3].map((at) => join(one.folder, `token-${at}`));
    const write = (at: number, ...tokens: readonly string[]): void =>
      writeFileSync(files[at] ?? "", `${tokens.join("\n")}\n`);
    for (const at of [0, 1]) write(at, "old");
    write(2, "new");
    write(3, "old");
    const flags = (at: number, ...more: readonly string[]): string[] => withTokens(one, at, files[at] ?? "", ...more);
    const joins = `--join=127.0.0.1:${one.peer[0]}`;
    await startAgent(flags(0, "--bootstrap"));
    const second = await startAgent(flags(1, joins));
    await untilVoters(one.urls.slice(0, 2), 2);
    for (const at of [0, 1]) write(at, "old", "new");
    for (const at of [0, 1]) write(at, "new", "old");
    await startAgent(flags(2, joins));
    await untilVoters(one.urls.slice(0, 3), 3);
    for (const at of [0, 1]) write(at, "new");
    const late = launchAgent(flags(3, joins));
    await said(late, "Cannot join the cluster yet");
    while ((await rejections(one.urls[0], "token")) + (await rejections(one.urls[0], "refused-by-peer")) === 0)
      await Bun.sleep(20);
    // The old connections go on, and new ones are made with the new token.
    expect((await statusOf(one.urls[0] ?? "")).voters).toBe(3);
    await second.end("SIGKILL");
    await startAgent(flags(1, joins));
    await untilVoters(one.urls.slice(0, 3), 3);
  }, 120_000);

  const canNamespace = process.getuid?.() === 0 && Bun.which("unshare") !== null && Bun.which("mount") !== null;
  if (!canNamespace) console.log("SKIP: names that come to mean another address need root, unshare and mount");
  test.skipIf(!canNamespace)(
    "a name is resolved at every dial: what it means now counts",
    async () => {
      const one = site(2);
      await startAgent(one.flags(0, "--bootstrap"));
      const hosts = join(temporaryFolder(), "hosts");
      mkdirSync(join(one.folder, "n1"), { recursive: true });
      writeFileSync(hosts, "127.0.0.1 localhost\n127.66.66.66 konsul-peer.test\n");
      const script = `mount --bind ${hosts} /etc/hosts && exec ${KONSUL} agent ${one
        .flags(1, `--join=konsul-peer.test:${one.peer[0]}`)
        .join(" ")}`;
      const child = Bun.spawn(["unshare", "--mount", "sh", "-c", script], { stdio: ["ignore", "ignore", "pipe"] });
      let log = "";
      const reading = (async () => {
        for await (const chunk of child.stderr) log += new TextDecoder().decode(chunk);
      })();
      try {
        await said({ log: () => log }, "Cannot join the cluster yet");
        writeFileSync(hosts, "127.0.0.1 localhost\n127.0.0.1 konsul-peer.test\n");
        await untilVoters(one.urls, 2);
      } finally {
        child.kill("SIGKILL");
        await child.exited;
        await reading;
      }
    },
    60_000,
  );
});
