import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "bun:test";
import { cleanUp, startAgent, smallDisk } from "./agent-process.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log("SKIP: a full disk is made with a small tmpfs, which needs root");

afterEach(cleanUp);

test.skipIf(!isRoot)(
  "a full disk refuses writes, serves reads, and takes writes again when there is space",
  async () => {
    const folder = smallDisk("24m");
    if (folder === undefined) throw new Error("the file system could not be mounted");
    const agent = await startAgent(["--data-dir", join(folder, "data"), "--limit-request-timeout", "2s"]);
    const put = async (key: string, size: number): Promise<Response> =>
      fetch(`${agent.url}/kv/${key}`, { method: "PUT", body: new Uint8Array(size).fill(7) });
    expect((await put("before", 10)).status).toBe(200);
    const ballast = join(folder, "ballast");
    try {
      writeFileSync(ballast, new Uint8Array(23 * 1024 * 1024));
    } catch {
      // As much as there was room for.
    }
    const statuses = new Set<number>();
    const acknowledged: string[] = [];
    for (let at = 0; at < 60; at += 1) {
      const answer = await put(`k${at}`, 200_000);
      statuses.add(answer.status);
      if (answer.status === 200) acknowledged.push(`k${at}`);
      if (answer.status === 503) {
        expect(await answer.json()).toMatchObject({ error: "disk_full" });
        expect(answer.headers.get("retry-after")).not.toBeNull();
        break;
      }
    }
    expect(statuses).toContain(503);
    expect((await fetch(`${agent.url}/kv/before?raw`)).status).toBe(200);
    expect((await fetch(`${agent.url}/health/live`)).status).toBe(200);
    rmSync(ballast);
    let after = await put("after", 10);
    while (after.status === 503 || after.status === 504) {
      await Bun.sleep(50);
      after = await put("after", 10);
    }
    expect(after.status).toBe(200);
    await agent.end("SIGKILL");
    const again = await startAgent(["--data-dir", join(folder, "data")]);
    for (const key of ["before", "after", ...acknowledged])
      expect((await fetch(`${again.url}/kv/${key}`)).status).toBe(200);
  },
);
