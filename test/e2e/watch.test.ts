import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, KONSUL, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";

afterEach(cleanUp);

interface Event {
  readonly name: string;
  readonly id: string;
  readonly data: { readonly key?: string; readonly value?: string; readonly error?: string };
}

/** A reader of server-sent events that knows nothing of the server's code. */
class Reader {
  readonly events: Event[] = [];
  /** Comments, which say that it begins, or that nothing happened. */
  openings = 0;
  silences = 0;
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();

  constructor(url: string, lastId?: string, headers: Record<string, string> = {}) {
    this.ended = this.#read(url, lastId === undefined ? headers : { ...headers, "Last-Event-ID": lastId });
  }

  async until(count: number): Promise<readonly Event[]> {
    while (this.events.length < count) await Bun.sleep(2);
    return this.events;
  }

  stop(): void {
    this.#stop.abort();
  }

  async #read(url: string, headers: Record<string, string>): Promise<void> {
    try {
      const answer = await fetch(url, { headers, signal: this.#stop.signal });
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
      let rest = "";
      for await (const chunk of answer.body ?? []) {
        rest += Buffer.from(chunk).toString();
        const blocks = rest.split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
          if (block.startsWith(": watching")) this.openings += 1;
          if (block.startsWith(": nothing")) this.silences += 1;
          const found = /^event: (.*)\nid: (.*)\ndata: (.*)$/.exec(block);
          if (found === null) continue;
          const data: Event["data"] = Object(JSON.parse(found[3] ?? ""));
          this.events.push({ name: found[1] ?? "", id: found[2] ?? "", data });
        }
      }
    } catch (cause) {
      if (!this.#stop.signal.aborted) throw cause;
    }
  }
}

async function put(node: AgentProcess, key: string, value: string): Promise<void> {
  expect((await fetch(`${node.url}/kv/${key}`, { method: "PUT", body: value })).status).toBe(200);
}

async function watchers(node: AgentProcess): Promise<string | undefined> {
  return /^konsul_watchers (\d+)$/m.exec(await (await fetch(`${node.url}/metrics`)).text())?.[1];
}

describe("GET /watch", () => {
  test("gives every change under the prefix in order, and nothing else", async () => {
    const node = await startAgent(["--dev"]);
    const reader = new Reader(`${node.url}/watch?prefix=a/`);
    while ((await watchers(node)) !== "1") await Bun.sleep(5);
    for (let at = 0; at < 100; at += 1) await put(node, `${at % 2 === 0 ? "a" : "b"}/${at}`, String(at));
    await fetch(`${node.url}/kv/a/?recurse`, { method: "DELETE" });
    const events = await reader.until(100);
    expect(events.slice(0, 50).map(({ name, data }) => [name, data.key, data.value])).toEqual(
      Array.from({ length: 50 }, (_, at) => ["put", `a/${2 * at}`, String(2 * at)]),
    );
    // The deletes of one entry come in the order of the keys.
    const deleted = events.slice(50).map(({ name, data }) => [name, data.key]);
    const keys = Array.from({ length: 50 }, (_, at) => `a/${2 * at}`).toSorted();
    expect(deleted).toEqual(keys.map((key) => ["delete", key]));
    reader.stop();
    while ((await watchers(node)) !== "0") await Bun.sleep(5);
  });

  test("goes on behind the last event, in the middle of an entry too", async () => {
    const node = await startAgent(["--dev"]);
    const first = new Reader(`${node.url}/watch`);
    while ((await watchers(node)) !== "1") await Bun.sleep(5);
    const operations = ["x", "y", "z"].map((key) => ({ op: "set", key, value: key }));
    await fetch(`${node.url}/kv/txn`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ operations }),
    });
    const [x, y] = await first.until(3);
    first.stop();
    const second = new Reader(`${node.url}/watch`, x?.id);
    expect((await second.until(2)).map(({ data }) => data.key)).toEqual(["y", "z"]);
    const third = new Reader(`${node.url}/watch?last_event_id=${y?.id ?? ""}`);
    expect((await third.until(1)).map(({ data }) => data.key)).toEqual(["z"]);
    second.stop();
    third.stop();
  });

  test("says reset once when the changes are gone, and end when the node stops", async () => {
    const node = await startAgent(["--dev", "--limit-watch-window=1000"]);
    for (let at = 0; at < 1200; at += 100) {
      await Promise.all(Array.from({ length: 100 }, async (_, more) => put(node, `k${at + more}`, "v")));
    }
    const reader = new Reader(`${node.url}/watch?prefix=k`, "3.0");
    const [reset] = await reader.until(1);
    expect(reset?.name).toBe("reset");
    await put(node, "k-after", "new");
    expect((await reader.until(2))[1]).toMatchObject({ name: "put", data: { key: "k-after", value: "new" } });
    await node.end("SIGTERM");
    await reader.ended;
    expect(reader.events.at(-1)).toMatchObject({ name: "end", data: { error: "shutting_down" } });
  });

  test("whose keys rest is never told reset, however much changes elsewhere", async () => {
    const node = await startAgent(["--dev", "--limit-watch-window=1000", "--limit-max-wait=1s"]);
    const [woken, silent] = [new Reader(`${node.url}/watch?prefix=woken/`), new Reader(`${node.url}/watch?key=silent`)];
    while ((await watchers(node)) !== "2") await Bun.sleep(5);
    for (let at = 0; at < 1200; at += 100) {
      await Promise.all(Array.from({ length: 100 }, async (_, more) => put(node, `k${at + more}`, "v")));
    }
    await put(node, "woken/1", "one");
    expect((await woken.until(1))[0]).toMatchObject({ name: "put", data: { key: "woken/1" } });
    for (const { silences } = silent; silent.silences < silences + 2;) await Bun.sleep(5);
    await put(node, "silent", "two");
    expect((await silent.until(1))[0]).toMatchObject({ name: "put", data: { key: "silent" } });
    woken.stop();
    silent.stop();
  });

  test("whose keys rest is not told reset when somebody's rights change meanwhile", async () => {
    const node = await startAgent(["--dev", "--acl-enabled", "--limit-watch-window=100"]);
    const made = await fetch(`${node.url}/acl/bootstrap`, { method: "POST" });
    const headers = { "X-Konsul-Token": String(Object(await made.json()).secret) };
    const write = async (path: string, body: string): Promise<void> => {
      const answer = await fetch(`${node.url}${path}`, { method: "PUT", headers, body });
      expect([path, answer.status]).toEqual([path, 200]);
    };
    const reader = new Reader(`${node.url}/watch?key=silent`, undefined, headers);
    while (reader.openings < 1) await Bun.sleep(5);
    await Promise.all(Array.from({ length: 150 }, async (_, at) => write(`/kv/k${at}`, "v")));
    await write("/acl/policies/p", JSON.stringify({ rules: [] }));
    while (reader.silences + reader.events.length < 1) await Bun.sleep(5);
    await write("/kv/silent", "one");
    expect((await reader.until(1))[0]).toMatchObject({ name: "put", data: { key: "silent" } });
    reader.stop();
  });

  test("refuses what makes no sense", async () => {
    const node = await startAgent(["--dev"]);
    for (const query of ["key=a&prefix=a", "last_event_id=x", "key=", "colour=red"])
      expect((await fetch(`${node.url}/watch?${query}`)).status).toBe(400);
  });

  test("is followed by konsul kv watch, across a restart of the agent", async () => {
    const flags = ["--data-dir", join(temporaryFolder(), "data")];
    const node = await startAgent(flags);
    const port = new URL(node.url).port;
    const child = Bun.spawn([KONSUL, "kv", "watch", "--prefix", "a/", "--http-addr", node.url], {
      stdout: "pipe",
      stderr: "ignore",
    });
    let seen = "";
    const reading = (async () => {
      for await (const chunk of child.stdout) seen += Buffer.from(chunk).toString();
    })();
    while ((await watchers(node)) !== "1") await Bun.sleep(5);
    // Nothing has happened yet: what happens while the stream is cut must be told all the same.
    await node.end("SIGKILL");
    const between = await startAgent(flags);
    await put(between, "a/1", "one");
    await between.end("SIGTERM");
    const again = await startAgent([...flags, "--port", port]);
    while (!seen.includes("put a/1 one\n")) await Bun.sleep(5);
    await put(again, "a/2", "two");
    while (!seen.includes("put a/2 two\n")) await Bun.sleep(5);
    child.kill("SIGKILL");
    await reading;
  });
});

describe("konsul kv export and import", () => {
  test("carry every byte and flag to another agent, in both formats", async () => {
    const node = await startAgent(["--dev"]);
    const { url } = node;
    await konsul(["kv", "put", "t/text", "héllo\n", "--flags", "18446744073709551615"], { url });
    await konsul(["kv", "put", "t/bytes", "-"], { url, input: Uint8Array.of(0, 255, 254, 10) });
    await konsul(["kv", "put", "t/empty", ""], { url });
    for (let at = 0; at < 150; at += 1) await put(node, `t/many/${at}`, "x".repeat(at));
    for (const format of [[], ["--consul"]]) {
      const file = join(temporaryFolder(), "export");
      const exported = await konsul(["kv", "export", "t/", ...format], { url });
      await Bun.write(file, exported.out);
      const other = await startAgent(["--dev"]);
      const imported = await konsul(["kv", "import", file], { url: other.url });
      expect([imported.code, imported.problems]).toEqual([0, "Imported 153 keys\n"]);
      expect((await konsul(["kv", "export", "t/"], { url: other.url })).out).toBe(
        (await konsul(["kv", "export", "t/"], { url })).out,
      );
      await other.end("SIGTERM");
    }
  });

  test("write nothing when a line is wrong, and name it", async () => {
    const { url } = await startAgent(["--dev"]);
    const input = new TextEncoder().encode('{"key":"a","value":"1"}\n{"key":"b"}\n');
    const { code, problems } = await konsul(["kv", "import", "-"], { url, input });
    expect([code, problems]).toEqual([1, expect.stringContaining("line 2")]);
    expect((await fetch(`${url}/kv/a`)).status).toBe(404);
  });
});
