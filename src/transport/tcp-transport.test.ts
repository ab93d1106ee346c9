import { afterEach, describe, expect, test } from "bun:test";
import { createPrng } from "../base/index.ts";
import { mintPeerKey } from "./peer-key.ts";
import {
  append,
  clock,
  memberOf,
  message,
  sendSnapshot,
  startPeer,
  stopPeers,
  until,
  type Peer,
} from "./testing/peers.ts";

afterEach(stopPeers);

describe("TcpTransport", () => {
  test("delivers messages in both directions over one dialed connection", async () => {
    const [a, b] = [startPeer(), startPeer()];
    a.transport.setMembers([memberOf(a), memberOf(b)]);
    await until(() => a.log.length > 0 && b.log.length > 0);
    expect(a.log).toEqual([`hello ${b.key} seq 3`]);
    a.transport.send([message(a, b, 1), message(a, b, 2)]);
    b.transport.send([message(b, a, 3)]);
    await until(() => b.messages.length === 2 && a.messages.length === 1);
    expect(b.messages.map((got) => (got.kind === "pre-vote" ? got.round : 0))).toEqual([1, 2]);
    expect(a.messages[0]?.from).toBe(b.key);
  });

  test("all appends of a turn arrive, in order, however large they are together", async () => {
    const [a, b] = [startPeer(), startPeer()];
    a.transport.setMembers([memberOf(a), memberOf(b)]);
    await until(() => a.log.length > 0 && b.log.length > 0);
    const appends = Array.from({ length: 20 }, (_, at) => append(a, b, at + 1));
    a.transport.send(appends);
    await until(() => b.messages.length === appends.length || b.log.length > 1);
    expect(b.messages.map((got) => (got.kind === "append" ? got.entries[0]?.index : 0))).toEqual(
      appends.map((_, at) => at + 1),
    );
    expect(b.log).toEqual([`hello ${a.key} seq 3`]);
  });

  test("what a peer has not taken yet is left alone by what others are sent", async () => {
    const [a, b, c] = [startPeer(), startPeer(), startPeer()];
    a.transport.setMembers([memberOf(a), memberOf(b), memberOf(c)]);
    await until(() => a.log.length > 1 && b.log.length > 0 && c.log.length > 0);
    const all = Array.from({ length: 100 }, (_, at) => at + 1);
    for (const index of all) {
      a.transport.send([append(a, b, index, 100_000)]);
      a.transport.send([append(a, c, 101 - index, 100_000)]);
    }
    await until(() => b.messages.length + c.messages.length === 200 || b.log.length + c.log.length > 2);
    const indexes = ({ messages }: Peer): unknown =>
      messages.map((got) => (got.kind === "append" ? got.entries[0]?.index : 0));
    expect([indexes(b), indexes(c)]).toEqual([all, all.toReversed()]);
  });

  test("a stopped process is down, and gone once its port refuses", async () => {
    const [a, b] = [startPeer(), startPeer()];
    a.transport.setMembers([memberOf(a), memberOf(b)]);
    await until(() => a.log.length > 0);
    b.transport.stop(() => undefined);
    await until(() => a.log.length >= 3);
    expect(a.log.slice(1, 3)).toEqual([`down ${b.key}`, `gone ${b.key}`]);
  });

  test("of two processes of one pair, the one that is left is greeted again", async () => {
    const [a, b] = [startPeer(), startPeer()];
    a.transport.setMembers([memberOf(a), memberOf(b)]);
    await until(() => a.log.length > 0);
    const clone = startPeer({ id: b.key.split("~")[0] ?? "" });
    clone.transport.setMembers([memberOf(a)]);
    await until(() => a.log.includes(`duplicate ${b.key} true`));
    clone.transport.stop(() => undefined);
    await until(() => a.log.length >= 6);
    const hello = `hello ${b.key} seq 3`;
    expect(a.log).toEqual([
      hello,
      `duplicate ${b.key} true`,
      hello,
      `down ${b.key}`,
      `duplicate ${b.key} false`,
      hello,
    ]);
    b.transport.stop(() => undefined);
    await until(() => a.gone.length > 0);
    expect(a.gone).toEqual([b.boot]);
  });

  test("two processes of one pair that came before the start are told at the start", async () => {
    const [a, b] = [startPeer({ isStartedLater: true }), startPeer()];
    const clone = startPeer({ id: b.key.split("~")[0] ?? "" });
    for (const one of [b, clone]) one.transport.setMembers([memberOf(a)]);
    await until(() => b.log.length > 0 && clone.log.length > 0);
    a.start();
    expect(a.log.toSorted()).toEqual([`duplicate ${b.key} true`, `hello ${b.key} seq 3`, `hello ${b.key} seq 3`]);
  });

  test("another cluster's node is turned away on both sides", async () => {
    const [a, b] = [startPeer(), startPeer({ clusterId: "1".repeat(32) })];
    a.transport.setMembers([memberOf(a), memberOf(b)]);
    await until(() => a.rejected.length > 0 && b.rejected.length > 0);
    expect(b.rejected[0]).toBe("other-cluster");
    expect([a.log, b.log]).toEqual([[], []]);
  });

  test("a node that does not understand the cluster's version is turned away", async () => {
    const [a, b] = [startPeer({ clusterVersion: 2, commandVersion: 2 }), startPeer()];
    a.transport.setMembers([memberOf(a), memberOf(b)]);
    await until(() => a.rejected.length > 0 && b.rejected.length > 0);
    expect(a.rejected[0]).toBe("version");
    expect([a.log, b.log]).toEqual([[], []]);
    const c = startPeer({ commandVersion: 2 });
    a.transport.setMembers([memberOf(a), memberOf(c)]);
    await until(() => a.log.length > 0);
    expect(a.log[0]).toBe(`hello ${c.key} seq 3`);
  });

  test("a wrong token is turned away, a second accepted one is not", async () => {
    const [a, b, c] = [
      startPeer({ tokens: ["new", "old"] }),
      startPeer({ tokens: ["old", "new"] }),
      startPeer({ tokens: ["x"] }),
    ];
    a.transport.setMembers([memberOf(b), memberOf(c)]);
    await until(() => a.log.length > 0 && a.rejected.length > 0);
    expect(a.log).toEqual([`hello ${b.key} seq 3`]);
    expect(a.rejected[0]).toBe("token");
    expect(c.log).toEqual([]);
  });

  test("a member is who has the key that the membership names, whatever else is said", async () => {
    const [real, other] = [mintPeerKey(), mintPeerKey()];
    const a = startPeer();
    const impostors = [
      // Names the right key and cannot sign with it; has another one; has none.
      startPeer({ id: "b", peerKey: { ...real, sign: other.sign } }),
      startPeer({ id: "b", peerKey: other }),
      startPeer({ id: "b" }),
    ];
    const b = startPeer({ id: "b", peerKey: real });
    a.transport.setMembers([{ ...memberOf(b), address: "", publicKey: real.publicKey }]);
    for (const impostor of impostors) {
      const before = a.rejected.length;
      impostor.transport.setMembers([memberOf(a)]);
      await until(() => a.rejected.length > before);
      expect([a.rejected.at(-1), a.log]).toEqual(["identity", []]);
      impostor.transport.setMembers([]);
    }
    b.transport.setMembers([memberOf(a)]);
    await until(() => a.log.length > 0);
    expect(a.log).toEqual([`hello ${b.key} seq 3`]);
  });

  test("whoever answers in the place of a member needs its key, too", async () => {
    const [a, b] = [startPeer(), startPeer({ id: "b", peerKey: mintPeerKey() })];
    a.transport.setMembers([{ ...memberOf(b), publicKey: mintPeerKey().publicKey }]);
    await until(() => a.rejected.length > 0);
    expect([a.rejected[0], a.log]).toEqual(["identity", []]);
  });

  test("a connection ends when the membership comes to name another key for its pair", async () => {
    const [a, b] = [startPeer(), startPeer({ id: "b", peerKey: mintPeerKey() })];
    b.transport.setMembers([memberOf(a)]);
    await until(() => a.log.length > 0);
    a.transport.setMembers([{ ...memberOf(b), address: "", publicKey: mintPeerKey().publicKey }]);
    await until(() => a.log.includes(`down ${b.key}`));
    expect(a.rejected).toContain("identity");
  });

  test("rubbish on the port is dropped and counted, and the port still answers", async () => {
    const [a, b] = [startPeer(), startPeer()];
    const prng = createPrng(3);
    for (let round = 0; round < 20; round += 1) {
      const bytes = new Uint8Array(prng.between(9, 400)).map(() => prng.between(0, 256));
      await Bun.connect({
        hostname: "127.0.0.1",
        port: b.transport.port,
        socket: { open: (socket) => void socket.write(bytes), data: () => undefined },
      });
    }
    await until(() => b.rejected.length === 20);
    expect(new Set(b.rejected)).toEqual(new Set(["malformed"]));
    a.transport.setMembers([memberOf(b)]);
    await until(() => a.log.length > 0);
    expect(a.log).toEqual([`hello ${b.key} seq 3`]);
  });

  test("a snapshot arrives whole, in order, over its own connection", async () => {
    const [a, b] = [startPeer(), startPeer()];
    expect(await sendSnapshot(a, b, 600_000)).toBe(true);
    expect(b.log.filter((line) => line.startsWith("chunk"))).toEqual([
      "chunk 0 0 false",
      "chunk 0 262144 false",
      "chunk 262144 262144 false",
      "chunk 524288 75712 true",
    ]);
  });

  test("a snapshot that is sent slowly is sent in pieces of a second, so that it never stands still", async () => {
    const [a, b] = [startPeer({ bytesPerSecond: 50_000 }), startPeer()];
    const from = clock.now();
    expect(await sendSnapshot(a, b, 60_000)).toBe(true);
    // However busy the machine is, it cannot be faster.
    expect(clock.now() - from).toBeGreaterThan(1190);
    expect(b.log.filter((line) => line.startsWith("chunk"))).toEqual([
      "chunk 0 0 false",
      "chunk 0 50000 false",
      "chunk 50000 10000 true",
    ]);
  });

  test("a call is answered once; to nobody it is known not to be sent", async () => {
    const [a, b] = [startPeer(), startPeer()];
    b.transport.serve(({ method, body }, answer) => answer(new Uint8Array([...body, method.length])));
    a.transport.setMembers([memberOf(b)]);
    await until(() => a.log.length > 0);
    const request = { method: "echo", body: new Uint8Array([1, 2]), timeoutMs: 5_000 };
    const outcome = await new Promise((resolve) => a.transport.call(b.key, request, resolve));
    expect(outcome).toEqual({ kind: "answer", body: new Uint8Array([1, 2, 4]) });
    const nobody = await new Promise((resolve) => a.transport.call("x~1", request, resolve));
    expect(nobody).toMatchObject({ kind: "not-sent" });
    const asked = await new Promise((resolve) =>
      a.transport.ask(`127.0.0.1:${b.transport.port}`, request, (answer, peer) => resolve([answer, peer?.seq])),
    );
    expect(asked).toEqual([{ kind: "answer", body: new Uint8Array([1, 2, 4]) }, 3]);
  });
});
