import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PATHS } from "../../src/http/index.ts";
import { cleanUp, startAgent, type AgentProcess } from "./agent-process.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A schema as the document shows it. */
interface Shown {
  readonly type: string;
  readonly example?: unknown;
  readonly items?: Shown | { readonly oneOf: readonly Shown[] };
  readonly properties?: Readonly<Record<string, Shown>>;
  readonly required?: readonly string[];
  readonly oneOf?: readonly { readonly required: readonly [string] }[];
}
interface Operation {
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, { schema: Shown }>> };
}

const OPERATIONS = Object.entries(PATHS).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, shown]) => {
    const { requestBody }: Operation = Object(shown);
    return { name: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, requestBody };
  }),
);

/** Those that take no body at all. */
const BODILESS = new Set([
  "PUT /heartbeat/{name}",
  "PUT /sessions/{id}/renew",
  "POST /acl/bootstrap",
  "POST /leave",
  "POST /cluster/snapshot",
  "POST /cluster/promote/{id}",
  "POST /cluster/demote/{id}",
  "POST /cluster/upgrade/finalize",
]);

const PLACES: Readonly<Record<string, string>> = {
  "/kv": "/kv?key=a",
  "/health/check/{id}": "/health/check/service:web",
};

let agent: AgentProcess;
let token = "";

beforeAll(async () => {
  agent = await startAgent(["--dev", "--acl-enabled", "--checks-allow=127.0.0.0/8"]);
  const first: { readonly secret?: string } = Object(
    await (await fetch(`${agent.url}/acl/bootstrap`, { method: "POST" })).json(),
  );
  token = first.secret ?? "";
});
afterAll(cleanUp);

/** The fields that must be there, and with them the one that stands for a choice. */
function least({ properties = {}, required = [], oneOf = [] }: Shown, chosen?: string): Fields {
  const choice = oneOf.find(({ required: [name] }) => name === chosen) ?? oneOf[0];
  const names = [...required, ...(choice?.required ?? [])];
  return Object.fromEntries(names.map((name) => [name, properties[name]?.example]));
}

function without(fields: Fields, name: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([one]) => one !== name));
}

interface Wrapped {
  readonly schema: Shown;
  /** Puts such an object where the body has it. */
  readonly wrap: (fields: Fields) => Fields;
}

/** The body itself, and the objects in its lists. */
function objectsOf(body: Shown): readonly Wrapped[] {
  const inner = Object.entries(body.properties ?? {}).flatMap(([name, { items }]) => {
    const kinds = items === undefined ? [] : "type" in items ? [items] : items.oneOf;
    return kinds
      .filter(({ properties }) => properties !== undefined)
      .map((schema) => ({ schema, wrap: (fields: Fields): Fields => ({ ...least(body), [name]: [fields] }) }));
  });
  return [{ schema: body, wrap: (fields) => fields }, ...inner];
}

interface Said {
  readonly sent: string;
  readonly status: number;
  readonly message: string;
}

async function send({ method, path }: (typeof OPERATIONS)[number], body: Fields): Promise<Said> {
  const sent = JSON.stringify(body);
  const answer = await fetch(`${agent.url}${PLACES[path] ?? path.replace(/\{\w+\}/, "a")}`, {
    method,
    headers: { "Content-Type": "application/json", "X-Konsul-Token": token },
    body: sent,
  });
  const { message }: { readonly message?: unknown } = Object(await answer.json());
  return { sent, status: answer.status, message: String(message) };
}

/** Nothing is wrong with the body; whether it can be done is another question. */
function expectTaken(said: Said): void {
  expect([said, said.status === 400]).toEqual([said, false]);
}

function expectRefused(said: Said, field: string): void {
  expect(said).toEqual({ sent: said.sent, status: 400, message: expect.stringContaining(field) });
}

test("every operation that writes shows the body that it takes, or takes none", () => {
  const writing = OPERATIONS.filter(({ method }) => method === "PUT" || method === "POST");
  const shown = writing.filter(({ requestBody }) => requestBody !== undefined).map(({ name }) => name);
  const rest = writing.map(({ name }) => name).filter((name) => !shown.includes(name));
  expect(rest.toSorted()).toEqual([...BODILESS].toSorted());
  for (const name of ["PUT /kv/{key}", "PUT /kv", "PUT /snapshot"]) {
    const content = OPERATIONS.find((one) => one.name === name)?.requestBody?.content ?? {};
    expect([name, Object.values(content)]).toEqual([
      name,
      expect.arrayContaining([{ schema: { type: "string", format: "binary" } }]),
    ]);
  }
});

describe("the body of", () => {
  for (const operation of OPERATIONS) {
    const schema = operation.requestBody?.content["application/json"]?.schema;
    if (schema === undefined) continue;
    test(`${operation.name} takes each field of the document, and no other`, async () => {
      for (const { schema: part, wrap } of objectsOf(schema)) {
        const { properties = {}, required = [], oneOf = [] } = part;
        for (const [field, { type, example }] of Object.entries(properties)) {
          const body = least(part, field);
          expectTaken(await send(operation, wrap({ ...body, [field]: example })));
          // An object is a wrong value for every type; for one, a list is.
          expectRefused(await send(operation, wrap({ ...body, [field]: type === "object" ? [] : {} })), "must");
        }
        expectRefused(await send(operation, wrap({ ...least(part), nonsense: 1 })), "nonsense");
        for (const field of [...required, ...oneOf.slice(0, 1).map(({ required: [name] }) => name)]) {
          expectRefused(await send(operation, wrap(without(least(part), field))), "must");
        }
      }
    });
  }
});
