import { afterAll, beforeAll, expect, test } from "bun:test";
import { importBaseImage, startDockerEngine, whyNoDocker, type DockerEngine } from "./docker-engine.ts";

const BASE = "konsul-test-base:latest";
const URLS = [8881, 8882, 8883].map((port) => `http://127.0.0.1:${port}`);
const ENVIRONMENT = {
  BASE_IMAGE: BASE,
  KONSUL_RAFT_JOIN_TOKEN: "compose-test-token",
  COMPOSE_PROJECT_NAME: "konsultest",
};

const reason = whyNoDocker();
if (reason !== undefined) console.log(`SKIP: the compose file is not run: ${reason}`);

const engine: DockerEngine | undefined = reason === undefined ? await startDockerEngine() : undefined;

async function compose(...words: readonly string[]): Promise<string> {
  if (engine === undefined) throw new Error("there is no engine");
  return engine.run(["docker-compose", "-f", "docker-compose-cluster.yml", ...words], ENVIRONMENT);
}

interface Status {
  readonly voters?: number;
  readonly leader?: { readonly id: string } | null;
}

async function status(url: string): Promise<Status> {
  const answer = await fetch(`${url}/cluster/status`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
  const body: Status = answer?.ok === true ? Object(await answer.json()) : {};
  return body;
}

async function untilFormed(urls: readonly string[]): Promise<string> {
  for (;;) {
    const all = await Promise.all(urls.map(async (url) => status(url)));
    const leader = all[0]?.leader?.id;
    if (leader !== undefined && all.every((one) => one.voters === 3 && one.leader?.id === leader)) return leader;
    await Bun.sleep(200);
  }
}

async function put(url: string, key: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/kv/${key}`, { method: "PUT", body: key }).catch(() => undefined);
    if (answer?.status === 200) return;
    await Bun.sleep(200);
  }
}

async function read(url: string, key: string): Promise<string> {
  return (await fetch(`${url}/kv/${key}?raw&consistent`)).text();
}

// A mirror that is far away takes minutes.
beforeAll(async () => {
  if (engine !== undefined) await importBaseImage(engine, BASE);
}, 600_000);

afterAll(async () => {
  if (engine === undefined) return;
  await compose("down", "--volumes", "--timeout", "5").catch(() => undefined);
  await engine.stop();
});

test.skipIf(engine === undefined)(
  "the compose file forms a cluster that survives the death of its leader, and down and up again",
  async () => {
    await compose("up", "--build", "--detach");
    const leader = await untilFormed(URLS);
    await put(URLS[0] ?? "", "first");
    const user = await compose("exec", "-T", leader, "id", "-u");
    expect(user.trim()).toBe("10001");
    const id = (await compose("ps", "-q", leader)).trim();
    await engine?.run(["docker", "kill", id]);
    const survivors = URLS.filter((url) => !url.endsWith(leader.slice(-1)));
    await put(survivors[0] ?? "", "second");
    expect(await read(survivors[1] ?? "", "first")).toBe("first");
    await compose("up", "--detach");
    await untilFormed(URLS);
    await compose("down", "--timeout", "20");
    await compose("up", "--detach");
    await untilFormed(URLS);
    for (const url of URLS) expect([await read(url, "first"), await read(url, "second")]).toEqual(["first", "second"]);
    while (!(await compose("ps")).includes("healthy")) await Bun.sleep(500);
  },
  600_000,
);
