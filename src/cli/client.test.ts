import { expect, test } from "bun:test";
import { Client } from "./client.ts";

const WHOLE = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const HALF = 'HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{"a":';

/** Answers each request with the next of these texts, and breaks the connection behind all but the first. */
function breakingServer(answers: readonly string[]): {
  readonly client: Client;
  readonly asked: readonly string[];
  readonly stop: () => void;
} {
  const asked: string[] = [];
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        const [line = ""] = Buffer.from(bytes).toString("latin1").split("\r\n");
        if (line === "") return;
        socket.write(answers[asked.length] ?? "");
        asked.push(line);
        if (asked.length > 1) socket.end();
      },
    },
  });
  const flags = new Map([["http-addr", [`http://127.0.0.1:${server.port}`]]]);
  return { client: new Client({ positions: [], flags }), asked, stop: () => server.stop(true) };
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(String, String);
}

test("a write whose connection breaks is sent once, and not again behind the command's back", async () => {
  const { client, asked, stop } = breakingServer([WHOLE]);
  await client.request("PUT", "/kv/first", new Uint8Array(1));
  const second = client.request("PUT", "/kv/second?cas=0", new Uint8Array(1));
  expect(await failureOf(second)).toContain("may or may not have happened");
  expect(asked.map((line) => line.split(" ")[1])).toEqual(["/kv/first", "/kv/second?cas=0"]);
  stop();
});

test("an answer that breaks off in its middle is the command's failure, and says that nothing is known", async () => {
  const { client, stop } = breakingServer([WHOLE, HALF, HALF, HALF]);
  await client.json("GET", "/first");
  const asks = [
    async () => client.json("PUT", "/kv/a", new Uint8Array(1)),
    async () => Array.fromAsync(client.download("/snapshot")),
    async () => client.upload("PUT", "/snapshot", new Blob(["x"])),
  ];
  for (const ask of asks) expect(await failureOf(ask())).toMatch(/^CommandFailed: .*may or may not have happened/);
  stop();
});
