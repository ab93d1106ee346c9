import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, startAgent, temporaryFolder } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from "./otlp-receiver.ts";
import { startThreeNodes } from "./three-nodes.ts";

const receivers: OtlpReceiver[] = [];
afterEach(async () => {
  await cleanUp();
  for (const receiver of receivers.splice(0)) await receiver.stop();
});

function receive(): OtlpReceiver {
  const receiver = startOtlpReceiver();
  receivers.push(receiver);
  return receiver;
}

function tracingTo({ endpoint }: OtlpReceiver): readonly string[] {
  return ["--tracing-enabled", `--tracing-endpoint=${endpoint}`];
}

const CLIENT_SPAN = "b7ad6b7169203331";
const TRACE = "0af7651916cd43dd8448eb211c80319c";
/** A client that traces, and wants it recorded. */
const TRACED = { traceparent: `00-${TRACE}-${CLIENT_SPAN}-01` };

/** Waits until the receiver holds what is asked for. */
async function until<T>(find: () => T | undefined): Promise<T> {
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    await Bun.sleep(20);
  }
}

async function untilSpan(
  receiver: OtlpReceiver,
  name: string,
  more: Partial<ReceivedSpan> = {},
): Promise<ReceivedSpan> {
  return until(() =>
    receiver.spans.find((span) => span.name === name && (more.traceId ?? span.traceId) === span.traceId),
  );
}

describe("with tracing", () => {
  test("a write through a follower is one trace, from the client over all three nodes", async () => {
    const receiver = receive();
    const { leader, followers, nodes } = await startThreeNodes(["--follower-writes=forward", ...tracingTo(receiver)]);
    const nameOf = (node: (typeof nodes)[number]): string => `node-${nodes.indexOf(node)}`;
    const [follower] = followers;
    const secret = "canary-of-a-key";
    const put = { method: "PUT", body: "canary-of-a-value", headers: { ...TRACED, "X-Konsul-Token": "canary-token" } };
    expect((await fetch(`${follower.url}/kv/${secret}`, put)).status).toBe(200);
    const own = (): readonly ReceivedSpan[] => receiver.spans.filter(({ traceId }) => traceId === TRACE);
    const [at, led] = [nameOf(follower), nameOf(leader)];
    const steps = nodes.flatMap((node) =>
      ["raft.append", "raft.apply", "raft.commit"].map((name) => `${nameOf(node)} ${name}`),
    );
    const asked = [
      `${at} PUT /kv/*`,
      `${at} konsul.forward`,
      `${at} raft.propose`,
      `${led} PUT /kv/*`,
      `${led} raft.propose`,
    ];
    // Each node sends its spans when it comes to it.
    await until(() => (own().length >= asked.length + steps.length ? true : undefined));
    const said = own().map(({ name, fields }) => `${String(fields["konsul.node.id"])} ${name}`);
    expect(said.toSorted()).toEqual([...asked, ...steps].toSorted());

    const spanOf = (name: string, node: string): ReceivedSpan => {
      const found = own().find((span) => span.name === name && span.fields["konsul.node.id"] === node);
      if (found === undefined) throw new Error(`there is no ${name} of ${node}`);
      return found;
    };
    expect(spanOf("PUT /kv/*", at).parentSpanId).toBe(CLIENT_SPAN);
    expect(spanOf("konsul.forward", at).parentSpanId).toBe(spanOf("PUT /kv/*", at).spanId);
    expect(spanOf("PUT /kv/*", led).parentSpanId).toBe(spanOf("konsul.forward", at).spanId);
    const proposal = spanOf("raft.propose", led);
    expect(proposal.parentSpanId).toBe(spanOf("PUT /kv/*", led).spanId);
    const { "raft.index": index, "raft.term": term, "raft.bytes": bytes } = proposal.fields;
    expect([index, term, bytes].map(Number).every((value) => value > 0)).toBe(true);
    for (const node of nodes.map(nameOf)) {
      for (const name of ["raft.append", "raft.commit", "raft.apply"]) {
        const span = spanOf(name, node);
        expect([name, span.parentSpanId, span.fields["raft.index"]]).toEqual([name, proposal.spanId, index ?? 0]);
        expect([span.fields["raft.term"], span.isFailed]).toEqual([term ?? 0, false]);
        expect(span.endNanos >= span.startNanos).toBe(true);
      }
      expect(spanOf("raft.append", node).fields["raft.bytes"]).toBe(bytes ?? 0);
      expect(spanOf("raft.append", node).resource).toMatchObject({
        "service.name": "konsul",
        "service.instance.id": node,
      });
    }
    expect(spanOf("PUT /kv/*", at).fields).toMatchObject({ "http.response.status_code": 200, "http.route": "/kv/*" });
    // Neither keys nor values nor secrets leave the node this way.
    expect(
      JSON.stringify(receiver.spans, (_, value: unknown) => (typeof value === "bigint" ? "" : value)),
    ).not.toContain("canary");
  });

  test("a consistent read, elections and the snapshots of a node that joins late are traced", async () => {
    const receiver = receive();
    const folder = temporaryFolder();
    const [here = 0, there = 0] = freePorts(2);
    const flags = (name: string, port: number): readonly string[] => [
      `--node-id=${name}`,
      `--data-dir=${join(folder, name)}`,
      `--raft-bind-addr=127.0.0.1:${port}`,
      "--trailing-logs=0",
      ...tracingTo(receiver),
    ];
    const first = await startAgent([...flags("a", here), "--bootstrap"]);
    expect((await untilSpan(receiver, "raft.election")).fields).toMatchObject({
      "konsul.node.id": "a",
      "raft.election.outcome": "won",
    });
    for (let at = 0; at < 5; at += 1) await fetch(`${first.url}/kv/k${at}`, { method: "PUT", body: "v" });
    expect((await fetch(`${first.url}/cluster/snapshot`, { method: "POST" })).status).toBe(200);
    const taken = await untilSpan(receiver, "raft.snapshot.take");
    expect(Number(taken.fields["raft.index"])).toBeGreaterThanOrEqual(5);
    expect(Number(taken.fields["raft.bytes"])).toBeGreaterThan(0);
    const second = await startAgent([...flags("b", there), `--join=127.0.0.1:${here}`]);
    expect((await untilSpan(receiver, "raft.snapshot.send")).fields).toMatchObject({
      "konsul.node.id": "a",
      "raft.index": taken.fields["raft.index"],
    });
    expect((await untilSpan(receiver, "raft.snapshot.install")).fields).toMatchObject({
      "konsul.node.id": "b",
      "raft.index": taken.fields["raft.index"],
    });
    expect((await fetch(`${second.url}/kv/k0?consistent`, { headers: TRACED })).status).toBe(200);
    const read = await untilSpan(receiver, "raft.read", { traceId: TRACE });
    const around = await untilSpan(receiver, "GET /kv/*", { traceId: TRACE });
    expect([read.parentSpanId, around.parentSpanId]).toEqual([around.spanId, CLIENT_SPAN]);
    expect(Number(read.fields["raft.index"])).toBeGreaterThanOrEqual(Number(taken.fields["raft.index"]));
  });

  test("a client decides about its own trace, chance about the others", async () => {
    const receiver = receive();
    const node = await startAgent(["--dev", ...tracingTo(receiver), "--tracing-sample-ratio=0"]);
    const unwanted = { traceparent: `00-${"1".repeat(32)}-${CLIENT_SPAN}-00` };
    expect((await fetch(`${node.url}/kv/a`, { method: "PUT", body: "v" })).status).toBe(200);
    expect((await fetch(`${node.url}/kv/a`, { method: "PUT", body: "v", headers: unwanted })).status).toBe(200);
    // Malformed: as if there were none.
    expect(
      (await fetch(`${node.url}/kv/a`, { method: "PUT", body: "v", headers: { traceparent: "00-x" } })).status,
    ).toBe(200);
    expect((await fetch(`${node.url}/kv/a`, { method: "PUT", body: "v", headers: TRACED })).status).toBe(200);
    expect(await node.end("SIGTERM")).toBe(0);
    // All that was recorded was sent before the process ended.
    expect(receiver.spans.map(({ name }) => name).toSorted()).toEqual([
      "PUT /kv/*",
      "raft.append",
      "raft.apply",
      "raft.commit",
      "raft.propose",
    ]);
    expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  });

  test("OpenTelemetry's own variables do as well, and alone the endpoint does nothing", async () => {
    const [receiver, silent] = [receive(), receive()];
    const base = (one: OtlpReceiver): string => one.endpoint.replace("/v1/traces", "");
    const node = await startAgent(["--dev"], {
      OTEL_TRACES_EXPORTER: "otlp",
      OTEL_EXPORTER_OTLP_ENDPOINT: base(receiver),
      OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=mine",
      OTEL_SERVICE_NAME: "registry",
      OTEL_BSP_SCHEDULE_DELAY: "10",
    });
    const off = await startAgent(["--dev"], { OTEL_EXPORTER_OTLP_ENDPOINT: base(silent) });
    for (const { url } of [node, off]) await fetch(`${url}/kv/a`, { method: "PUT", body: "v", headers: TRACED });
    expect((await untilSpan(receiver, "raft.propose")).resource).toMatchObject({ "service.name": "registry" });
    expect(receiver.headers[0]?.get("x-tenant")).toBe("mine");
    await off.end("SIGTERM");
    expect(silent.headers.length).toBe(0);
  });

  test("a collector that is down costs one line, and neither writes nor the stop", async () => {
    const [port = 0] = freePorts(1);
    const node = await startAgent(
      ["--dev", "--tracing-enabled", `--tracing-endpoint=http://127.0.0.1:${port}/v1/traces`],
      {
        OTEL_BSP_SCHEDULE_DELAY: "10",
        OTEL_BSP_EXPORT_TIMEOUT: "200",
        OTEL_EXPORTER_OTLP_TIMEOUT: "100",
      },
    );
    while (!node.log().includes("Traces cannot be sent")) {
      expect((await fetch(`${node.url}/kv/a`, { method: "PUT", body: "v" })).status).toBe(200);
    }
    expect(await node.end("SIGTERM")).toBe(0);
    expect(node.log().split("Traces cannot be sent").length).toBe(2);
  });
});
