import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, smallDisk, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { startThreeNodes } from "./three-nodes.ts";

afterEach(cleanUp);

async function put(node: AgentProcess, key: string, value: string | Uint8Array): Promise<void> {
  expect((await fetch(`${node.url}/kv/${key}`, { method: "PUT", body: value })).status).toBe(200);
}

async function keysOf(node: AgentProcess): Promise<readonly unknown[]> {
  const answer = await fetch(`${node.url}/kv/?consistent`);
  const body: { readonly entries?: readonly { readonly key: string; readonly value: string }[] } = Object(
    await answer.json(),
  );
  return (body.entries ?? []).map(({ key, value }) => `${key}=${value}`);
}

/** All keys and values in few letters, as soon as somebody leads who can be asked. */
async function sumOf(node: AgentProcess): Promise<string> {
  for (;;) {
    const keys = await keysOf(node).catch(() => []);
    if (keys.length > 0) return `${keys.length} keys, ${Bun.hash(keys.join("\n"))}`;
    await Bun.sleep(50);
  }
}

/** What a node says of the cluster that it is part of. */
async function identityOf(node: AgentProcess): Promise<{ readonly cluster: unknown; readonly members: unknown }> {
  const body: { readonly cluster_id?: string; readonly nodes?: readonly { readonly id: string }[] } = Object(
    await (await fetch(`${node.url}/cluster/status`)).json(),
  );
  return { cluster: body.cluster_id, members: (body.nodes ?? []).map(({ id }) => id) };
}

describe("a backup", () => {
  test("of one cluster is restored on another, on all nodes, with watchers told", async () => {
    const source = await startAgent(["--dev"]);
    for (let at = 0; at < 50; at += 1) await put(source, `k${at}`, `v${at}`.repeat(1000));
    const service = { name: "web", address: "h", port: 1 };
    await fetch(`${source.url}/register`, { method: "PUT", body: JSON.stringify(service) });
    const file = join(temporaryFolder(), "backup");
    const saved = await konsul(["snapshot", "save", file, "--json"], { url: source.url });
    expect(JSON.parse(saved.out)).toMatchObject({ keys: 50, services: 1 });
    expect((await konsul(["snapshot", "inspect", file], {})).out).toContain("keys");
    const over = await konsul(["snapshot", "save", file], { url: source.url });
    expect([over.code, over.problems]).toEqual([1, expect.stringContaining("not overwritten")]);
    const { nodes, leader, followers } = await startThreeNodes();
    await put(leader, "old", "gone soon");
    const watching = await fetch(`${leader.url}/watch?prefix=`);
    const careless = await konsul(["snapshot", "restore", file], { url: leader.url });
    expect([careless.code, careless.problems]).toEqual([1, expect.stringContaining("--yes")]);
    expect(await keysOf(leader)).toEqual(["old=gone soon"]);
    const before = await identityOf(leader);
    // Through a follower: the command follows the redirect.
    let restored = await konsul(["snapshot", "restore", file, "--yes"], { url: followers[0].url });
    // Where leadership moves in the middle nobody knows, and asking again does no harm.
    while (/outcome_unknown|no_leader/.test(restored.problems)) {
      restored = await konsul(["snapshot", "restore", file, "--yes"], { url: followers[0].url });
    }
    expect([restored.code, restored.problems]).toEqual([0, expect.stringContaining("50 keys and 1 service")]);
    const wanted = await keysOf(source);
    // It brings the other cluster's data, never its members.
    expect(await identityOf(leader)).toEqual(before);
    expect(before.cluster).not.toBe((await identityOf(source)).cluster);
    for (const node of nodes) {
      expect(await keysOf(node)).toEqual(wanted);
      while ((await fetch(`${node.url}/services/web?consistent`)).status === 503) await Bun.sleep(50);
      expect((await fetch(`${node.url}/services/web?consistent`)).status).toBe(200);
    }
    let heard = "";
    for await (const chunk of watching.body ?? []) {
      heard += new TextDecoder().decode(chunk);
      if (heard.includes("event: reset")) break;
    }
    await leader.end("SIGKILL");
    for (const node of followers) {
      let keys: readonly unknown[] = [];
      while (keys.length !== wanted.length) keys = await keysOf(node).catch(() => []);
      expect(keys).toEqual(wanted);
    }
  }, 120_000);

  test("that is damaged or cut short is refused by the command and by the server, and changes nothing", async () => {
    const node = await startAgent(["--dev"]);
    await put(node, "a", crypto.getRandomValues(new Uint8Array(40_000)));
    const folder = temporaryFolder();
    const file = join(folder, "good");
    expect((await konsul(["snapshot", "save", file], { url: node.url })).code).toBe(0);
    await put(node, "b", "later");
    const good = readFileSync(file);
    const wrong: (readonly [string, Uint8Array])[] = [
      ["cut", good.subarray(0, good.length - 1)],
      ["long", Buffer.concat([good, Buffer.from("x")])],
      ["other", Buffer.from("PK\u0003\u0004 no backup at all")],
      ["empty", new Uint8Array(0)],
      ["older format", Buffer.concat([Buffer.from("KONSULB0"), good.subarray(8)])],
      ["newer format", Buffer.concat([Buffer.from("KONSULB2"), good.subarray(8)])],
    ];
    for (let at = 0; at < 20; at += 1) {
      const flipped = Buffer.from(good);
      const place = Math.floor((at * good.length) / 20);
      flipped[place] = (flipped[place] ?? 0) ^ 4;
      wrong.push([`flip${at}`, flipped]);
    }
    for (const [name, bytes] of wrong) {
      writeFileSync(join(folder, name), bytes);
      const refused = await konsul(["snapshot", "restore", join(folder, name), "--yes"], { url: node.url });
      expect([name, refused.code, refused.problems]).toEqual([name, 1, expect.stringContaining("no good backup")]);
      const answer = await fetch(`${node.url}/snapshot`, { method: "PUT", body: bytes });
      const body: { readonly error?: string; readonly message?: string } = Object(await answer.json());
      expect([name, answer.status, body.error]).toEqual([name, 400, "bad_request"]);
      expect(body.message).toContain("Nothing was changed");
      if (name.endsWith("format")) expect(refused.problems).toContain("use the build that wrote it");
      expect((await fetch(`${node.url}/kv/b`)).status).toBe(200);
    }
    const restored = await fetch(`${node.url}/snapshot`, { method: "PUT", body: good });
    expect(restored.status).toBe(200);
    expect((await fetch(`${node.url}/kv/b`)).status).toBe(404);
  }, 120_000);

  test("whose leader dies while it comes in has come as a whole or not at all, and is asked for again", async () => {
    const source = await startAgent(["--dev"]);
    // Bytes that hardly get smaller: each part of the state is an entry of its own.
    const values = Array.from({ length: 60 }, () => Buffer.from(crypto.getRandomValues(new Uint8Array(40_000))));
    for (const [at, value] of values.entries()) await put(source, `k${at}`, value.toString("base64").repeat(5));
    const file = join(temporaryFolder(), "backup");
    expect((await konsul(["snapshot", "save", file], { url: source.url })).code).toBe(0);
    const wanted = await sumOf(source);
    const { leader, followers } = await startThreeNodes();
    await put(leader, "old", "still here");
    const old = await sumOf(leader);
    const commit = async (): Promise<number> =>
      Number(Object(await (await fetch(`${leader.url}/cluster/status`)).json()).stats.commit_index);
    const before = await commit();
    const interrupted = konsul(["snapshot", "restore", file, "--yes"], { url: leader.url });
    while ((await commit()) < before + 5) await Bun.sleep(5);
    await leader.end("SIGKILL");
    const { code } = await interrupted;
    expect(code === 0 ? [wanted] : [old, wanted]).toContain(await sumOf(followers[0]));
    // What was begun does not stand in the way.
    let again = await konsul(["snapshot", "restore", file, "--yes"], { url: followers[0].url });
    while (/outcome_unknown|no_leader/.test(again.problems))
      again = await konsul(["snapshot", "restore", file, "--yes"], { url: followers[0].url });
    expect([again.code, again.problems]).toEqual([0, expect.stringContaining("60 keys")]);
    for (const node of followers) expect(await sumOf(node)).toBe(wanted);
  }, 120_000);

  test("is not there when saving failed", async () => {
    const file = join(temporaryFolder(), "backup");
    const nobody = await konsul(["snapshot", "save", file], { url: "http://127.0.0.1:1" });
    expect([nobody.code, nobody.problems, readdirSync(dirname(file))]).toEqual([
      1,
      expect.stringContaining("127.0.0.1:1"),
      [],
    ]);
  });

  test("that cannot be written is one line that says why", async () => {
    const node = await startAgent(["--dev"]);
    await put(node, "a", crypto.getRandomValues(new Uint8Array(200_000)));
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    symlinkSync(join(folder, "nothing"), join(folder, "link"));
    const disk = smallDisk("64k");
    const cases: readonly (readonly [string, RegExp])[] = [
      [join(folder, "file", "backup"), /^konsul: Cannot write .*backup: ENOTDIR.*\n$/],
      [join(folder, "none", "backup"), /^konsul: Cannot write .*none\/backup: there is no folder \/.*\/none\n$/],
      [join(folder, "link"), /^konsul: .* is not overwritten.*\n$/],
      ...(disk === undefined ? [] : [[join(disk, "backup"), /^konsul: Cannot write .*backup: ENOSPC.*\n$/] as const]),
    ];
    for (const [file, wanted] of cases) {
      const { code, problems } = await konsul(["snapshot", "save", file], { url: node.url });
      expect([file, code, problems]).toEqual([file, 1, expect.stringMatching(wanted)]);
    }
    expect(readdirSync(folder).toSorted()).toEqual(["file", "link"]);
    if (disk !== undefined) expect(readdirSync(disk)).toEqual([]);
  });
});
