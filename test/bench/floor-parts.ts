import { rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder, tracked } from "../e2e/agent-process.ts";
import { percentile } from "./bench.ts";
import { konsulSystem } from "./systems.ts";
import { wrk } from "./wrk.ts";

/** p50 in ms of the same PUT, answered at once. */
export async function bareRoundTrip(seconds: number): Promise<number> {
  const program = `const server = Bun.serve({ port: 0, hostname: "127.0.0.1",
    fetch: async (request) => { await request.bytes(); return Response.json({ modify_index: 1 }); } });
    console.log(server.port);`;
  const { child, line } = await started(program);
  const { p50Ms } = await wrk(`http://127.0.0.1:${line}`, konsulSystem.write, { clients: 1, seconds });
  child.kill();
  await child.exited;
  return p50Ms;
}

/** p50 in ms of writing 4 KiB and syncing, while two other processes do nothing else either. */
export async function syncBesideTwo(seconds: number): Promise<number> {
  const folder = temporaryFolder("konsul-sync");
  const program = (at: number): string => `const fs = require("node:fs");
    const file = fs.openSync(${JSON.stringify(join(folder, "f"))} + ${at}, "w");
    const page = Buffer.alloc(4096, 7);
    const took = [];
    for (const until = performance.now() + ${seconds * 1000}; performance.now() < until;) {
      const at = performance.now();
      fs.writeSync(file, page);
      fs.fsyncSync(file);
      took.push(performance.now() - at);
    }
    console.log(took.sort((a, b) => a - b)[Math.floor(took.length / 2)]);`;
  const all = [0, 1, 2].map((at) => started(program(at)));
  const [first] = await Promise.all(all);
  for (const { child } of await Promise.all(all)) await child.exited;
  rmSync(folder, { recursive: true });
  return Number(first?.line);
}

/** p50 in ms of 200 bytes to another process over TCP and a few bytes back. */
export async function peerRoundTrip(seconds: number): Promise<number> {
  const program = `const server = Bun.listen({ port: 0, hostname: "127.0.0.1",
    socket: { open: (s) => { s.setNoDelay(true); }, data: (s) => { s.write("acknowledged"); } } });
    console.log(server.port);`;
  const { child, line } = await started(program);
  const frame = Buffer.alloc(200, 7);
  const took: number[] = [];
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const until = performance.now() + seconds * 1000;
  let at = 0;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(line),
    socket: {
      data: (self) => {
        const now = performance.now();
        took.push(now - at);
        if (now > until) return resolve(undefined);
        at = performance.now();
        self.write(frame);
      },
    },
  });
  socket.setNoDelay(true);
  at = performance.now();
  socket.write(frame);
  await promise;
  socket.end();
  child.kill();
  await child.exited;
  return percentile(took, 0.5);
}

/** A program in a process of its own, and the first line that it prints. */
async function started(program: string): Promise<{ readonly child: Bun.Subprocess; readonly line: string }> {
  const child = tracked(Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" }));
  const { value } = await child.stdout.getReader().read();
  return { child, line: new TextDecoder().decode(value).trim() };
}
