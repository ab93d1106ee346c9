import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, launchAgent, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

async function put(node: AgentProcess, key: string): Promise<readonly [number, unknown]> {
  const answer = await fetch(`${node.url}/kv/${key}`, { method: "PUT", body: "v" });
  return [answer.status, Object(await answer.json()).error];
}

async function transact(node: AgentProcess, keys: readonly string[], valueBytes: number): Promise<readonly unknown[]> {
  const operations = keys.map((key) => ({ op: "set", key, value: "v".repeat(valueBytes) }));
  const answer = await fetch(`${node.url}/kv/txn`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ operations }),
  });
  const { error, message }: { readonly error?: string; readonly message?: string } = Object(await answer.json());
  return [answer.status, error, message];
}

describe("limits", () => {
  test("a longer key than allowed is not written, and one that is there can be read and deleted", async () => {
    const folder = temporaryFolder();
    const [long, allowed] = ["k".repeat(17), "k".repeat(16)];
    const first = await startAgent([`--data-dir=${folder}`]);
    expect(await put(first, long)).toEqual([200, undefined]);
    await first.end("SIGTERM");
    const node = await startAgent([`--data-dir=${folder}`, "--limit-max-key-bytes=16B"]);
    expect(await put(node, allowed)).toEqual([200, undefined]);
    expect(await put(node, long)).toEqual([400, "invalid_key"]);
    expect(await transact(node, [long], 1)).toEqual([
      400,
      "invalid_key",
      "The key has 17 bytes, where limits.max_key_bytes allows 16",
    ]);
    expect((await fetch(`${node.url}/kv/${long}?raw`)).status).toBe(200);
    expect((await fetch(`${node.url}/kv/${long}`, { method: "DELETE" })).status).toBe(200);
  });

  test("a transaction may have as many bytes as the limit says, more or fewer than usual", async () => {
    const small = await startAgent(["--dev", "--limit-max-txn-bytes=2KiB"]);
    expect(await transact(small, ["a", "b"], 1023)).toEqual([200, undefined, undefined]);
    expect(await transact(small, ["a", "b"], 1024)).toEqual([
      413,
      "too_large",
      "The transaction has 2050 bytes of keys and values, where at most 2048 are allowed",
    ]);
    const large = await startAgent(["--dev", "--limit-max-txn-bytes=2MiB"]);
    expect(await transact(large, ["a", "b", "c"], 2 ** 19)).toEqual([200, undefined, undefined]);
  });
});

describe("a folder of its own for log and snapshots", () => {
  test("holds them over a restart, keeps another node out, and is read by the offline commands through a link", async () => {
    const folder = temporaryFolder();
    const [data, log] = [join(folder, "data"), join(folder, "disk", "log")];
    const flags = [`--data-dir=${data}`, `--raft-data-dir=${log}`];
    const first = await startAgent(flags);
    expect(await put(first, "a")).toEqual([200, undefined]);
    expect([existsSync(join(log, "raft.db")), existsSync(join(data, "raft"))]).toEqual([true, false]);
    const other = launchAgent([`--data-dir=${join(folder, "other")}`, `--raft-data-dir=${log}`, "--port=0"]);
    expect(await other.child.exited).toBe(1);
    expect(other.log()).toContain(`Cannot use the data folder ${log} as another process is working on it`);
    await first.end("SIGKILL");
    const again = await startAgent(flags);
    expect((await fetch(`${again.url}/kv/a`)).status).toBe(200);
    await again.end("SIGTERM");
    symlinkSync(log, join(data, "raft"));
    const before = readdirSync(log).toSorted();
    const inspected = await konsul(["recover", "inspect", data]);
    expect([inspected.code, inspected.problems]).toEqual([0, ""]);
    expect(readdirSync(log).toSorted()).toEqual(before);
  });

  test("that another node's log was put into is refused", async () => {
    const folder = temporaryFolder();
    const at = (name: string): readonly string[] => [
      `--data-dir=${join(folder, name)}`,
      `--raft-data-dir=${join(folder, `log-${name}`)}`,
    ];
    for (const name of ["a", "b"]) await (await startAgent([...at(name), `--node-id=${name}`])).end("SIGTERM");
    renameSync(join(folder, "log-a"), join(folder, "log-c"));
    renameSync(join(folder, "log-b"), join(folder, "log-a"));
    const node = launchAgent([...at("a"), "--port=0"]);
    expect(await node.child.exited).toBe(1);
    expect(node.log()).toContain(`${join(folder, "log-a")} is that of the node b`);
  });

  test("is moved aside as a whole where it cannot be trusted, and the node starts anew from the others", async () => {
    const folder = temporaryFolder();
    const ports = freePorts(6);
    const start = async (at: number): Promise<AgentProcess> =>
      startAgent(
        [
          `--port=${ports[at]}`,
          `--node-id=node-${at}`,
          `--data-dir=${join(folder, `n${at}`)}`,
          `--raft-data-dir=${join(folder, "disk", `log-${at}`)}`,
          `--raft-bind-addr=127.0.0.1:${ports[3 + at]}`,
          "--join-token=secret",
          ...(at === 0 ? ["--bootstrap"] : [`--join=127.0.0.1:${ports[3]}`]),
        ],
        { KONSUL_RAFT_RESYNC_INTERVAL: "0s" },
      );
    const nodes = [await start(0), await start(1), await start(2)];
    const [first, , last] = nodes;
    const voters = async (): Promise<unknown> =>
      Object(await (await fetch(`${first?.url}/cluster/status`)).json()).voters;
    while ((await voters()) !== 3) await Bun.sleep(20);
    await last?.end("SIGKILL");
    // Nothing is left of what its disk had promised, not even a WAL, which may hold every page.
    rmSync(join(folder, "disk", "log-2"), { recursive: true });
    mkdirSync(join(folder, "disk", "log-2"), { recursive: true });
    writeFileSync(join(folder, "disk", "log-2", "raft.db"), "rubbish");
    const back = await start(2);
    expect(back.log()).toContain("it starts anew from the other members");
    const beside = readdirSync(join(folder, "disk")).filter((name) => name.startsWith("log-2.untrusted-"));
    expect(beside).toHaveLength(1);
    expect(existsSync(join(folder, "disk", "log-2", "raft.db"))).toBe(true);
  }, 60_000);
});

test("a new node gets its snapshot at the rate that is set", async () => {
  const folder = temporaryFolder();
  const ports = freePorts(4);
  const start = async (at: number): Promise<AgentProcess> =>
    startAgent([
      `--port=${ports[at]}`,
      `--node-id=node-${at}`,
      `--data-dir=${join(folder, `n${at}`)}`,
      `--raft-bind-addr=127.0.0.1:${ports[2 + at]}`,
      "--join-token=secret",
      "--trailing-logs=1",
      ...(at === 0 ? ["--bootstrap", "--snapshots-max-bytes-per-second=64KiB"] : [`--join=127.0.0.1:${ports[2]}`]),
    ]);
  const first = await start(0);
  for (const key of ["a", "b"]) {
    // Bytes that cannot be compressed.
    const body = crypto.getRandomValues(new Uint8Array(65_536));
    await fetch(`${first.url}/kv/${key}`, { method: "PUT", body });
  }
  const taken = await fetch(`${first.url}/cluster/snapshot`, { method: "POST" });
  const { size_bytes: size }: { readonly size_bytes?: number } = Object(await taken.json());
  expect(size).toBeGreaterThan(131_072);
  const from = performance.now();
  const second = await start(1);
  expect((await fetch(`${second.url}/kv/a?raw`)).status).toBe(200);
  expect(second.log()).toContain("Installed snapshot");
  // However busy the machine is, it cannot be faster.
  expect(performance.now() - from).toBeGreaterThan(2000);
}, 60_000);
