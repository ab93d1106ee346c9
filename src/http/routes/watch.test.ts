import { expect, test } from "bun:test";
import { utf8 } from "../../base/index.ts";
import { createKonsulFsm, encodeCommand } from "../../fsm/index.ts";
import type { HttpDeps } from "../deps.ts";
import { ApiError } from "../errors.ts";
import type { Responder } from "../respond.ts";
import { watch } from "./watch.ts";

const HREF = "http://localhost/watch?prefix=a/";
const respond: Responder = Object({ bytes: (body: ReadableStream) => new Response(body) });

/** A watcher of `a/` on a state with one change, that reads chunk by chunk. */
async function watching(): Promise<{
  readonly put: (key: string) => void;
  readonly deny: () => void;
  readonly read: () => Promise<string>;
}> {
  const fsm = createKonsulFsm({ watchWindow: 100 });
  const put = (key: string): void => {
    const data = encodeCommand({ kind: "kv-set", key: utf8(key), value: utf8("v"), flags: 0n });
    fsm.apply({ kind: "command", index: fsm.appliedIndex + 1, time: 0, data });
  };
  put("first");
  let denial: ApiError | undefined;
  const deps: HttpDeps = Object({
    limits: { watchersMax: 1 },
    replica: { fsm, watcherCount: 0, prepareRead: async () => Promise.resolve(undefined) },
  });
  const request = new Request(HREF);
  const answer = await watch(deps, { request, url: new URL(HREF), respond, access: { denial: () => denial } });
  const reader = answer.body?.getReader();
  return {
    put,
    deny: () => (denial = new ApiError("permission_denied", "This needs kv:read")),
    read: async () => new TextDecoder().decode((await reader?.read())?.value),
  };
}

test("a watch that ends as rights were taken away names the place up to which it sent, not what it held back", async () => {
  const { put, deny, read } = await watching();
  expect(await read()).toBe(": watching\nid: 1\n\n");
  put("a/1");
  expect(await read()).toStartWith("event: put\nid: 2.0\n");
  put("a/2");
  deny();
  expect(await read()).toStartWith("event: end\nid: 2\n");
});
