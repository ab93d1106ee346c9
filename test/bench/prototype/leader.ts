// What a replicated durable write costs at least with this runtime and this design, without Raft: HTTP, one batch per
// turn to two followers, a commit on each, and the answer once two of the three have it. Arguments: port, file, ports.
import { Elysia } from "elysia";
import { openEntryLog } from "./entry-log.ts";
import { encodeBatch } from "./frame.ts";

const [, , port, file = "", ...followerPorts] = process.argv;
const log = openEntryLog(file);
const state = new Map<string, Uint8Array>();

interface Waiting {
  readonly key: string;
  readonly value: Uint8Array;
  readonly answer: (index: number) => void;
}

let waiting: Waiting[] = [];
let sent: readonly Waiting[] = [];
let first = 1;
let isOwnDone = true;
let acknowledged = 1;

interface Peer {
  send(frame: Buffer): void;
}

/** A socket takes what fits now; the rest is kept for when it drains. */
async function connectTo(peerPort: string): Promise<Peer> {
  let rest: Buffer = Buffer.alloc(0);
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(peerPort),
    socket: {
      data: (_, bytes) => {
        acknowledged = Math.max(acknowledged, bytes.readUInt32LE(bytes.byteLength - 4));
        settle();
      },
      drain: (self) => {
        rest = rest.subarray(self.write(rest));
      },
    },
  });
  socket.setNoDelay(true);
  return {
    send: (frame) => {
      rest = rest.byteLength === 0 ? frame.subarray(socket.write(frame)) : Buffer.concat([rest, frame]);
    },
  };
}

const peers = await Promise.all(followerPorts.map(connectTo));

function turn(): void {
  if (sent.length > 0 || waiting.length === 0) return;
  sent = waiting;
  waiting = [];
  const entries = sent.map(({ key, value }) => Buffer.concat([Buffer.from(`${key}\0`), value]));
  const frame = encodeBatch({ first, entries });
  isOwnDone = false;
  for (const peer of peers) peer.send(frame);
  log.append(first, entries);
  isOwnDone = true;
  settle();
}

/** A follower and this node: two of three. */
function settle(): void {
  if (sent.length === 0 || !isOwnDone || acknowledged < first + sent.length) return;
  for (const { key, value, answer } of sent) {
    state.set(key, value);
    answer(first);
    first += 1;
  }
  sent = [];
  if (waiting.length > 0) setImmediate(turn);
}

new Elysia({ serve: { reusePort: false } })
  .put(
    "/kv/*",
    async ({ params, request }) => {
      const value = await request.bytes();
      const { promise, resolve } = Promise.withResolvers<number>();
      if (waiting.push({ key: params["*"], value, answer: resolve }) === 1) setImmediate(turn);
      return { modify_index: await promise };
    },
    { parse: "none" },
  )
  .listen({ hostname: "127.0.0.1", port: Number(port) });
