import { expect, test } from "bun:test";
import { Client } from "./client.ts";

/** Answers the first request on the first connection, and breaks every connection at the next one; what it was asked. */
function breakingServer(): { readonly url: string; readonly asked: readonly string[]; readonly stop: () => void } {
  const asked: string[] = [];
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        const [line = ""] = Buffer.from(bytes).toString("latin1").split("\r\n");
        if (line === "") return;
        asked.push(line);
        if (asked.length === 1) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        else socket.terminate();
      },
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, asked, stop: () => server.stop(true) };
}

test("a write whose connection breaks is sent once, and not again behind the command's back", async () => {
  const server = breakingServer();
  const client = new Client({ positions: [], flags: new Map([["http-addr", [server.url]]]) });
  await client.request("PUT", "/kv/first", new Uint8Array(1));
  const second = client.request("PUT", "/kv/second?cas=0", new Uint8Array(1));
  expect(await second.catch((cause: unknown) => String(cause))).toContain("Cannot reach the agent");
  expect(server.asked.map((line) => line.split(" ")[1])).toEqual(["/kv/first", "/kv/second?cas=0"]);
  server.stop();
});
