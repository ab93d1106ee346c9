import { connect } from "node:net";
import { afterEach, expect, test } from "bun:test";
import { ByteWriter, createPrng, type Prng } from "../../src/base/index.ts";
import { writeFrame, type FrameKind } from "../../src/transport/frame.ts";
import { encodeIntroduction, NONCE_BYTES } from "../../src/transport/introduction.ts";
import { cleanUp, startAgent, temporaryFolder } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

const FRAMES = 10_000;
const AT_ONCE = 50;
const SEED = Number(process.env["KONSUL_SEED"] ?? 1);

function hello(prng: Prng): Uint8Array {
  return encodeIntroduction({
    protocolMin: 1,
    protocolMax: prng.pick([1, 1, 1, 0, 9]),
    purpose: prng.pick(["peer", "snapshot", "ask"]),
    clusterId: prng.pick(["", "0".repeat(32)]),
    epoch: { counter: 1, random: "00000000" },
    id: "stranger",
    name: "stranger",
    incarnation: "00000000000000aa",
    boot: "00000000000000bb",
    to: "",
    seq: 1,
    version: "0",
    commandVersion: 1,
    address: "127.0.0.1:1",
    publicKey: "",
    nonce: new Uint8Array(NONCE_BYTES),
  });
}

const KINDS: readonly FrameKind[] = ["hello", "hello-reply", "proof", "ready", "reject", "messages", "call", "answer"];

/** A frame as it should be, one with some bytes wrong, or nothing that is one. */
function rubbish(prng: Prng): Uint8Array {
  if (prng.chance(0.2)) return Uint8Array.from({ length: prng.between(1, 300) }, () => prng.between(0, 256));
  const out = new ByteWriter(512);
  const body = prng.chance(0.5)
    ? hello(prng)
    : Uint8Array.from({ length: prng.between(0, 200) }, () => prng.between(0, 256));
  writeFrame(out, prng.pick(KINDS), (writer) => writer.raw(body));
  const bytes = out.finish();
  const wrong = prng.pick([0, 0, 1, 1, 3]);
  for (let i = 0; i < wrong; i += 1) {
    const at = prng.between(0, bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.between(0, 8));
  }
  return prng.chance(0.2) ? bytes.subarray(0, prng.between(0, bytes.length)) : bytes;
}

/** Sends it all, and waits until the other side has had enough or nothing more comes. */
async function send(port: number, frames: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const timer = setTimeout(() => socket.destroy(), 300);
    socket.on("error", () => undefined);
    socket.on("data", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.on("connect", () => {
      for (const frame of frames) socket.write(frame);
      socket.end();
    });
  });
}

test(`${FRAMES} random and mutated frames let nobody in and stop nothing (seed ${SEED})`, async () => {
  const [port = 0] = freePorts(1);
  const agent = await startAgent([
    "--bootstrap",
    `--raft-bind-addr=127.0.0.1:${port}`,
    "--join-token=secret",
    `--data-dir=${temporaryFolder()}`,
  ]);
  const prng = createPrng(SEED);
  let sent = 0;
  while (sent < FRAMES) {
    const batches = Array.from({ length: AT_ONCE }, () =>
      Array.from({ length: prng.between(1, 12) }, () => rubbish(prng)),
    );
    sent += batches.reduce((sum, batch) => sum + batch.length, 0);
    await Promise.all(batches.map(async (batch) => send(port, batch)));
  }
  // Half a frame, and then nothing: a port scanner.
  await send(port, [new Uint8Array(0)]);
  expect(agent.child.exitCode).toBeNull();
  expect((await fetch(`${agent.url}/kv/a`, { method: "PUT", body: "1" })).status).toBe(200);
  const { peers }: { readonly peers?: readonly unknown[] } = Object(
    await (await fetch(`${agent.url}/cluster/peers`)).json(),
  );
  expect(peers).toHaveLength(1);
  const metrics = await (await fetch(`${agent.url}/metrics`)).text();
  const rejected = [...metrics.matchAll(/konsul_peer_rejected_total\{reason="([\w-]+)"\} (\d+)/g)];
  expect(rejected.reduce((sum, match) => sum + Number(match[2]), 0)).toBeGreaterThan(500);
  expect(rejected.map((match) => match[1])).toContain("malformed");
}, 120_000);
