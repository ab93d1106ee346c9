import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, KONSUL, temporaryFolder, tracked } from "../e2e/agent-process.ts";

afterEach(cleanUp);

type Child = Bun.Subprocess<"ignore", "pipe", "pipe">;

function bench(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Child {
  return tracked(
    Bun.spawn([process.execPath, join(import.meta.dir, "main.ts"), ...words], {
      env: { PATH: process.env["PATH"] ?? "", KONSUL_BIN: KONSUL, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
}

async function told(child: Child): Promise<{ readonly code: number; readonly out: string; readonly problems: string }> {
  const [out, problems] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, problems };
}

/** Processes, apart from the benchmark itself, whose command line names this folder. */
function pidsIn(folder: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(folder);
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe("bun run bench", () => {
  test("--help lists every benchmark", async () => {
    const { code, out } = await told(bench(["--help"]));
    expect(code).toBe(0);
    for (const name of ["etcd", "grpc", "prototype", "floor", "snapshot", "growth"])
      expect(out).toContain(`\n${name} `);
  });

  test("an unknown name and a wrong number are said, and nothing runs", async () => {
    const { code, out, problems } = await told(bench(["etdc", "--rounds", "0"], { KEYS: "many" }));
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(problems).toContain('There is no benchmark "etdc"');
    expect(problems).toContain('--rounds must be a whole number of at least 1: it is "0"');
    expect(problems).toContain('KEYS must be a whole number of at least 1: it is "many"');
  });

  test("a node that ends by itself fails the benchmark with what it said", async () => {
    const executable = join(temporaryFolder(), "konsul");
    writeFileSync(executable, '#!/bin/sh\n[ "$1" = version ] && exit 0\necho "cannot lead today" >&2\nexit 3\n');
    chmodSync(executable, 0o755);
    const { code, problems } = await told(bench(["heartbeats"], { KONSUL_BIN: executable }));
    expect(code).toBe(1);
    expect(problems).toMatch(/^heartbeats: FAILED: .* ended by itself with 3: cannot lead today$/m);
  });

  test.each(["SIGINT", "SIGTERM"] as const)("%s in the middle leaves no process and no folder", async (signal) => {
    const folder = temporaryFolder();
    const child = bench(["heartbeats"], { TMPDIR: folder });
    while (pidsIn(folder).length < 3) {
      expect(child.exitCode).toBeNull();
      await Bun.sleep(5);
    }
    child.kill(signal);
    const { code, problems } = await told(child);
    expect(code).toBe(signal === "SIGINT" ? 130 : 143);
    expect(problems).toBe("");
    expect(pidsIn(folder)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
