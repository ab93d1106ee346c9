const CLIENTS = 4;
const READ_TRIES = 200;

/** Clients that write new keys and read acknowledged ones, on any node, and remember every acknowledgement. */
export class Load {
  readonly acknowledged = new Map<string, string>();
  readonly unknown = new Set<string>();
  /** What a consistent read answered although something else was acknowledged. */
  readonly wrong: string[] = [];
  readonly #urls: readonly string[];
  readonly #running: Promise<void>[] = [];
  #isStopped = false;
  #last = 0;

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  start(): void {
    this.#isStopped = false;
    for (let client = 0; client < CLIENTS; client += 1) this.#running.push(this.#run(client));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running.splice(0));
  }

  /** Waits until so many more writes were acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.size + count;
    while (this.acknowledged.size < wanted) await Bun.sleep(10);
  }

  /** Every acknowledged key that a node does not have, or has with another value. */
  async missingAt(url: string, { tries = READ_TRIES, enough = Infinity } = {}): Promise<readonly string[]> {
    const stored = await listUntilAnswered(url, tries);
    const missing: string[] = [];
    for (const [key, value] of this.acknowledged) {
      const found = stored === undefined ? "no answer" : (stored.get(key) ?? "nothing");
      if (found !== value) missing.push(`${key}: ${value} was acknowledged, ${found} found`);
    }
    for (const [key, value] of stored ?? []) {
      if (value !== key.replace("k", "v")) missing.push(`${key}: ${value} found, which nobody wrote`);
    }
    return missing.slice(0, enough);
  }

  async #run(client: number): Promise<void> {
    while (!this.#isStopped) {
      const number = (this.#last += 1);
      const key = `k${number}`;
      const value = `v${number}`;
      const url = this.#urls[(client + number) % this.#urls.length] ?? "";
      const outcome = await put(url, key, value);
      if (outcome === "ok") this.acknowledged.set(key, value);
      else if (outcome === "unknown") this.unknown.add(key);
      else await Bun.sleep(20);
      if (outcome === "ok" && number % 5 === 0) await this.#readBack(url, key, value);
    }
  }

  async #readBack(url: string, key: string, value: string): Promise<void> {
    const answer = await read(url, key);
    if (answer !== undefined && answer !== value) this.wrong.push(`${key}: ${value} was acknowledged, ${answer} read`);
  }
}

async function put(url: string, key: string, value: string): Promise<"ok" | "not-done" | "unknown"> {
  try {
    const answer = await fetch(`${url}/kv/${key}`, {
      method: "PUT",
      body: value,
      signal: AbortSignal.timeout(5000),
    });
    if (answer.status === 200) return "ok";
    return answer.status === 504 ? "unknown" : "not-done";
  } catch (cause) {
    // Nobody listens: nothing was sent.
    return isRefused(cause) ? "not-done" : "unknown";
  }
}

function isRefused(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && /^(ConnectionRefused|ECONNREFUSED)$/.test(String(cause.code));
}

/** Undefined: there was no answer. */
async function read(url: string, key: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${url}/kv/${key}?raw&consistent`, { signal: AbortSignal.timeout(5000) });
    if (answer.status === 200) return await answer.text();
    return answer.status === 404 ? "nothing" : undefined;
  } catch {
    return undefined;
  }
}

/** All that the clients wrote, as the node knows it after asking a quorum; undefined: there was no answer. */
async function listUntilAnswered(url: string, most: number): Promise<ReadonlyMap<string, string> | undefined> {
  const stored = new Map<string, string>();
  let after: string | undefined = "";
  for (let tries = 0; tries < most && after !== undefined; tries += 1) {
    const page = await list(url, after);
    if (page === undefined) await Bun.sleep(50);
    else after = page.next;
    for (const { key, value } of page?.entries ?? []) stored.set(key, value);
  }
  return after === undefined ? stored : undefined;
}

interface Page {
  readonly entries: readonly { readonly key: string; readonly value: string }[];
  readonly next?: string;
}

async function list(url: string, after: string): Promise<Page | undefined> {
  try {
    const query = `prefix=k&limit=10000&consistent&after=${encodeURIComponent(after)}`;
    const answer = await fetch(`${url}/kv/?${query}`, { signal: AbortSignal.timeout(5000) });
    const page: Page | undefined = answer.ok ? Object(await answer.json()) : undefined;
    return page;
  } catch {
    return undefined;
  }
}
