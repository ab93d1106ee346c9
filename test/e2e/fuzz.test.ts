import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPrng, type Prng } from "../../src/base/index.ts";
import { PATHS, STATUS_OF } from "../../src/http/index.ts";
import { cleanUp, startAgent, type AgentProcess } from "./agent-process.ts";

const SEED = Number(process.env["KONSUL_SEED"] ?? 1);
const CASES = Number(process.env["KONSUL_FUZZ_CASES"] ?? 1000);
const AT_ONCE = 16;
const HANG_MS = 10_000;

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema?: { readonly type: string };
}
interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
}

const METHODS = new Set(["get", "put", "post", "delete"]);
const OPERATIONS: readonly Operation[] = Object.entries(PATHS).flatMap(([path, operations]) =>
  Object.entries(operations).flatMap(([method, operation]) => {
    const { parameters = [] }: { readonly parameters?: readonly Parameter[] } = Object(operation);
    return METHODS.has(method) ? [{ method: method.toUpperCase(), path, parameters }] : [];
  }),
);

/** Fields of all bodies: a wrong one for this route is as good as any. */
const FIELDS = [...new Set(fieldsIn(PATHS))];
const WORDS = [
  "",
  "a",
  "web",
  "k/1",
  "set",
  "get",
  "delete",
  "10s",
  "0",
  "passing",
  "kv",
  "read",
  "ü",
  "\u0000",
  "..",
  "null",
  "127.0.0.1:1",
];

/** Names of the properties of every schema in it. */
function fieldsIn(shown: unknown): readonly string[] {
  if (typeof shown !== "object" || shown === null) return [];
  return Object.entries(shown).flatMap(([name, held]) => [
    ...(name === "properties" ? Object.keys(Object(held)) : []),
    ...fieldsIn(held),
  ]);
}

function text(prng: Prng): string {
  if (prng.chance(0.7)) return prng.pick(WORDS);
  return Array.from({ length: prng.between(0, 30) }, () =>
    String.fromCodePoint(prng.between(1, prng.chance(0.8) ? 127 : 0xd7ff)),
  ).join("");
}

function value(prng: Prng, depth = 0): unknown {
  switch (prng.pick(["text", "text", "number", "bool", "null", "list", "object"] as const)) {
    case "number":
      return prng.pick([0, 1, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, prng.between(0, 100)]);
    case "bool":
      return prng.chance(0.5);
    case "null":
      return null;
    case "list":
      return depth > 3 ? [] : Array.from({ length: prng.between(0, 4) }, () => value(prng, depth + 1));
    case "object":
      return depth > 3 ? {} : fields(prng, depth);
    case "text":
    default:
      return text(prng);
  }
}

function fields(prng: Prng, depth = 0): unknown {
  return Object.fromEntries(
    Array.from({ length: prng.between(0, 6) }, () => [prng.pick(FIELDS), value(prng, depth + 1)]),
  );
}

function body(prng: Prng): string | Uint8Array {
  if (prng.chance(0.6)) return JSON.stringify(fields(prng));
  if (prng.chance(0.5)) return JSON.stringify(fields(prng)).slice(0, prng.between(0, 40));
  return Uint8Array.from({ length: prng.between(0, 200) }, () => prng.between(0, 256));
}

/** As it goes into a path: well encoded, or not. */
function segment(prng: Prng): string {
  return prng.chance(0.8)
    ? encodeURIComponent(text(prng))
    : prng.pick(["%", "%zz", "%ff%fe", "a//b", "%00", "%2e%2e/x"]);
}

function query(prng: Prng, parameters: readonly Parameter[]): string {
  const pairs = parameters
    .filter((parameter) => parameter.in === "query" && prng.chance(0.3))
    .map(({ name }) =>
      prng.chance(0.2) ? name : `${name}=${encodeURIComponent(name === "wait" ? "1ms" : text(prng))}`,
    );
  if (prng.chance(0.1)) pairs.push(`nonsense=${segment(prng)}`);
  // A blocking read without this would wait for minutes, as it should.
  if (pairs.some((pair) => pair.startsWith("index")) && !pairs.some((pair) => pair.startsWith("wait")))
    pairs.push("wait=1ms");
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

let agent: AgentProcess;
let token = "";

beforeAll(async () => {
  agent = await startAgent(["--dev", "--acl-enabled", "--limit-request-timeout=2s"]);
  const first: { readonly secret?: string } = Object(
    await (await fetch(`${agent.url}/acl/bootstrap`, { method: "POST" })).json(),
  );
  token = first.secret ?? "";
});
afterAll(cleanUp);

async function one(prng: Prng, { method, path, parameters }: Operation): Promise<void> {
  const shown = path.replaceAll(/\{\w+\}/g, () => segment(prng));
  const url = `${agent.url}${shown}${query(prng, parameters)}`;
  const headers: Record<string, string> = {};
  if (prng.chance(0.8)) headers["X-Konsul-Token"] = prng.chance(0.9) ? token : "wrong";
  if (prng.chance(0.7))
    headers["Content-Type"] = prng.pick(["application/json", "text/plain", "application/x+json; charset=utf-8"]);
  if (prng.chance(0.1)) headers["X-Request-Id"] = prng.pick(["abc", "x".repeat(300), "<script>"]);
  if (prng.chance(0.1)) headers["Last-Event-ID"] = prng.pick(["1.0", "x", "2"]);
  const sent = method === "GET" ? {} : { body: body(prng) };
  const context = `seed ${SEED}: ${method} ${url}`;
  const answer = await fetch(url, {
    method,
    headers,
    ...sent,
    redirect: "manual",
    signal: AbortSignal.timeout(HANG_MS),
  });
  const type = answer.headers.get("content-type") ?? "";
  if (type.startsWith("text/event-stream") || type.includes("backup")) {
    await answer.body?.cancel();
    return;
  }
  const said = await answer.text();
  expect([context, answer.status === 500, /\n\s+at |\.ts:\d/.test(said)]).toEqual([context, false, false]);
  if (answer.status < 400 || !type.startsWith("application/json")) return;
  const parsed: { readonly error?: keyof typeof STATUS_OF; readonly message?: string; readonly request_id?: string } =
    Object(JSON.parse(said));
  if (shown === "/health" || shown.startsWith("/health/ready")) return;
  const status: number | undefined = parsed.error === undefined ? undefined : STATUS_OF[parsed.error];
  expect([context, status]).toEqual([context, answer.status]);
  expect([typeof parsed.message, parsed.request_id]).toEqual([
    "string",
    answer.headers.get("x-request-id") ?? "missing",
  ]);
}

describe(`${CASES} generated requests an operation`, () => {
  for (const [at, operation] of OPERATIONS.entries()) {
    test(`${operation.method} ${operation.path}`, async () => {
      const prng = createPrng(SEED * 1000 + at);
      for (let done = 0; done < CASES; done += AT_ONCE) {
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, CASES - done) }, async () => one(prng, operation)));
      }
    });
  }

  test("and the agent is as before, without an unexpected failure in its log", async () => {
    expect((await fetch(`${agent.url}/health/ready`)).status).toBe(200);
    expect(agent.child.exitCode).toBeNull();
    const failures = agent
      .log()
      .split("\n")
      .filter((line) => line.includes("unexpected way"));
    expect(failures).toEqual([]);
  });
});
