import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { cleanUp, KONSUL, konsul, startAgent, type AgentProcess } from "./agent-process.ts";

let agent: AgentProcess;
beforeAll(async () => {
  agent = await startAgent(["--dev"]);
});
afterAll(cleanUp);

const hasTerminal = Bun.which("script") !== null;
if (!hasTerminal)
  process.stderr.write("skip: nothing was tried in a terminal, as there is no script (Debian: bsdutils)\n");

/** How every colour begins. */
const COLOUR = "\u001B[";

/** What a person sees: the command runs in a terminal of its own. */
async function inTerminal(command: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = Bun.spawn(["script", "-qec", command, "/dev/null"], {
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm", KONSUL_HTTP_ADDR: agent.url, ...environment },
    stdin: "ignore",
    stdout: "pipe",
  });
  return new Response(child.stdout).text();
}

describe.skipIf(!hasTerminal)("in a terminal", () => {
  test("states have colours, unless somebody objects", async () => {
    const status = `${KONSUL} cluster status`;
    const shown = await inTerminal(status);
    expect(shown).toContain("\u001B[32mhealthy\u001B[0m: 1 voter, quorum 1");
    expect(shown).toContain("\u001B[1mID");
    for (const plain of [
      await inTerminal(`${status} --no-color`),
      await inTerminal(`${KONSUL} --no-color cluster status`),
      await inTerminal(status, { NO_COLOR: "1" }),
      await inTerminal(status, { TERM: "dumb" }),
      await inTerminal(`${status} | cat`),
      await inTerminal(`${status} --json`),
    ]) {
      expect(plain).toContain("healthy");
      expect(plain).not.toContain(COLOUR);
    }
    expect(await inTerminal(status, { NO_COLOR: "" })).toContain(COLOUR);
  });

  test("--watch draws in place until Ctrl-C, and gives the cursor back", async () => {
    const command = `exec ${KONSUL} cluster status --watch --interval 100ms`;
    const child = Bun.spawn(["script", "-qec", command, "/dev/null"], {
      env: { PATH: process.env["PATH"] ?? "", TERM: "xterm", KONSUL_HTTP_ADDR: agent.url },
      stdin: "pipe",
      stdout: "pipe",
    });
    let [watched, isInterrupted] = ["", false];
    for await (const chunk of child.stdout) {
      watched += new TextDecoder().decode(chunk);
      if (isInterrupted || watched.split("\u001B[H").length < 4) continue;
      isInterrupted = true;
      await child.stdin.write("\u0003");
    }
    expect(watched.trimEnd()).toEndWith("\u001B[?25h");
    expect(await child.exited).toBe(0);
  });
});

describe("konsul cluster status --watch", () => {
  test("prints one line of JSON each time, tells of an agent that went away, and ends well when it is interrupted", async () => {
    const own = await startAgent(["--dev"]);
    const child = Bun.spawn(
      [KONSUL, "cluster", "status", "--watch", "--json", "--interval=100ms", "--http-addr", own.url],
      {
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    let [out, problems] = ["", ""];
    const reading = [
      (async () => {
        for await (const chunk of child.stdout) out += new TextDecoder().decode(chunk);
      })(),
      (async () => {
        for await (const chunk of child.stderr) problems += new TextDecoder().decode(chunk);
      })(),
    ];
    while (out.split("\n").length < 4) await Bun.sleep(20);
    await own.end("SIGKILL");
    while (!problems.includes("Cannot reach the agent")) await Bun.sleep(20);
    child.kill("SIGINT");
    expect(await child.exited).toBe(0);
    await Promise.all(reading);
    for (const line of out.trim().split("\n")) expect(JSON.parse(line)).toMatchObject({ state: "healthy" });
  });

  test("is a failure when nobody answers at first, and wrong usage with a wrong interval", async () => {
    const nobody = await konsul(["cluster", "status", "--watch"], { url: "http://127.0.0.1:9" });
    expect([nobody.code, nobody.out]).toEqual([1, ""]);
    const wrong = await konsul(["cluster", "status", "--watch", "--interval", "soon"], { url: agent.url });
    expect([wrong.code, wrong.problems]).toEqual([2, expect.stringContaining("--interval")]);
    const alone = await konsul(["cluster", "status", "--interval", "5s"], { url: agent.url });
    expect([alone.code, alone.out]).toEqual([2, ""]);
  });
});

/** Processes at a time. */
const BATCH = 8;

/** What stands for a position so that the command gets as far as its first request. */
const GIVEN: Readonly<Record<string, readonly string[]>> = {
  "NAME=VALUE": ["min_quorum=3"],
  "-- COMMAND": ["--", "true"],
};

/** Ask nobody before they found something wrong, or nothing to do. */
const EARLIER = new Set(["snapshot save", "snapshot restore", "kv import"]);

test("every command that asks an agent says where it found none, in one line, and fails", async () => {
  const asking = COMMANDS.filter(
    ({ path, flags }) => flags.some(({ name }) => name === "http-addr") && !EARLIER.has(path.join(" ")),
  );
  expect(asking.length).toBeGreaterThan(35);
  for (let from = 0; from < asking.length; from += BATCH) {
    await Promise.all(
      asking.slice(from, from + BATCH).map(async ({ path, positions }) => {
        const given = positions.flatMap(({ name, isOptional }) => (isOptional === true ? [] : (GIVEN[name] ?? ["x"])));
        const { code, out, problems } = await konsul([...path, "--http-addr=http://127.0.0.1:9", ...given]);
        expect([path, out, problems]).toEqual([path, "", expect.stringMatching(/^konsul: [^\n]+\n$/)]);
        // The others want a flag as well.
        if (code !== 2)
          expect([path, code, problems]).toEqual([
            path,
            1,
            expect.stringContaining("http://127.0.0.1:9 (connection refused)"),
          ]);
      }),
    );
  }
});

test("commands without an agent have --json as well", async () => {
  const valid = await konsul(["config", "validate", "/dev/null", "--json"]);
  expect([valid.code, JSON.parse(valid.out)]).toEqual([0, { valid: true, mistakes: [] }]);
  const wrong = await konsul(["config", "validate", "/nowhere/konsul.yaml", "--json"]);
  expect([wrong.code, wrong.out]).toEqual([1, ""]);
  expect(wrong.problems).toContain("Cannot read /nowhere/konsul.yaml");
});
