import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cleanUp, konsul, KONSUL, startAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";

let agent: AgentProcess;

beforeAll(async () => {
  agent = await startAgent(["--dev"]);
});

afterAll(cleanUp);

describe("konsul", () => {
  test("version says what it is", async () => {
    const { code, out } = await konsul(["version"]);
    expect([code, out]).toEqual([0, expect.stringMatching(/^konsul \d+\.\d+\.\d+ \(commit \w+\)/)]);
    const { out: json } = await konsul(["version", "--json"]);
    expect(JSON.parse(json)).toMatchObject({ protocols: { peer: { min: 1, max: 1 } } });
  });

  test("--help lists every command, and each explains itself", async () => {
    const { code, out } = await konsul(["--help"]);
    expect(code).toBe(0);
    const commands = [...out.matchAll(/^ {2}([a-z]+(?: [a-z]+)*) {2,}/gm)].map((match) => match[1] ?? "");
    expect(commands.length).toBeGreaterThan(10);
    for (const command of commands) {
      const help = await konsul([...command.split(" "), "--help"]);
      expect([command, help.code, help.out]).toEqual([command, 0, expect.stringContaining(`usage: konsul ${command}`)]);
    }
  });

  test("wrong usage is exit code 2 and one line that helps", async () => {
    for (const words of [
      ["kv", "gte", "a"],
      ["kv", "get"],
      ["kv", "get", "a", "b"],
      ["kv", "get", "a", "--consistnt"],
      ["agent", "--prot", "1"],
      [],
    ]) {
      const { code, out, problems } = await konsul(words);
      expect([words, code]).toEqual([words, 2]);
      if (words.length > 0) expect([out, problems.trim().split("\n").length]).toEqual(["", 1]);
    }
    expect((await konsul(["kv", "gte", "a"])).problems).toContain("kv get");
  });

  test("an error says what was wrong, and where", async () => {
    for (const [words, code, wanted] of [
      [["kv", "foo"], 2, '"kv foo" is no command: konsul kv --help lists them all'],
      [["kv", "get", "a", "--http-addr=ftp://x"], 2, 'an http or https URL: it is "ftp://x"'],
      [["kv", "get", "a", "--timeout=5"], 2, 'such as 500ms: it is "5"'],
      [["kv", "get", "a", "--ca-cert=/nowhere"], 1, "Cannot read /nowhere (--ca-cert): there is no such file"],
      [["kv", "put", "a", "@/nowhere"], 1, "Cannot read /nowhere: there is no such file"],
    ] as const) {
      const { code: given, problems } = await konsul(words);
      expect([words, given, problems]).toEqual([words, code, expect.stringContaining(wanted)]);
    }
  });

  test("help and --version are understood as elsewhere", async () => {
    const [asked, flagged] = [await konsul(["help", "kv", "get"]), await konsul(["kv", "get", "--help"])];
    expect([asked.code, asked.out]).toEqual([0, flagged.out]);
    expect((await konsul(["help"])).out).toBe((await konsul(["--help"])).out);
    expect((await konsul(["--version"])).out).toBe((await konsul(["version"])).out);
  });

  test("nobody there is said with the address and what to do", async () => {
    const { code, problems } = await konsul(["kv", "get", "a", "--http-addr", "http://127.0.0.1:1"]);
    expect([code, problems]).toEqual([1, expect.stringContaining("http://127.0.0.1:1")]);
  });

  test("kv put, get, list and delete work with any bytes", async () => {
    const { url } = agent;
    const bytes = new Uint8Array(70_000).map((_, at) => at * 7);
    expect((await konsul(["kv", "put", "cli/bin", "-"], { url, input: bytes })).code).toBe(0);
    const answer = await fetch(`${url}/kv/cli/bin?raw`);
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytes);
    expect((await konsul(["kv", "put", "cli/text", "héllo", "--flags", "18446744073709551615"], { url })).code).toBe(0);
    expect((await konsul(["kv", "get", "cli/text"], { url })).out).toBe("héllo");
    expect((await konsul(["kv", "get", "cli/text", "--json", "--consistent"], { url })).out).toContain(
      "18446744073709551615",
    );
    expect((await konsul(["kv", "list", "cli/"], { url })).out).toBe("cli/bin\ncli/text\n");
    expect((await konsul(["kv", "put", "cli/text", "x", "--cas", "0"], { url })).code).toBe(1);
    expect((await konsul(["kv", "delete", "cli/", "--recurse"], { url })).problems).toContain("2");
    expect((await konsul(["kv", "get", "cli/text"], { url })).code).toBe(1);
  });

  test("what is printed arrives whole in a pipe, and is a failure where it cannot be written", async () => {
    const { url } = agent;
    const run = (line: string): { readonly code: number; readonly out: string; readonly problems: string } => {
      const child = Bun.spawnSync(["bash", "-c", line, KONSUL], { env: { ...process.env, KONSUL_HTTP_ADDR: url } });
      return { code: child.exitCode, out: child.stdout.toString(), problems: child.stderr.toString() };
    };
    // Far more than a pipe holds.
    const lines = Array.from({ length: 500 }, (_, at) => ({ key: `piped/${at}`, value: "x".repeat(1000) }));
    const input = new TextEncoder().encode(lines.map((line) => JSON.stringify(line)).join("\n"));
    expect((await konsul(["kv", "import"], { url, input })).code).toBe(0);
    expect(run('"$0" kv export piped/ | cat').out.trim().split("\n").length).toBe(500);
    expect(JSON.parse(run('"$0" kv list piped/ --json | cat').out)).toHaveLength(500);
    for (const command of ["kv export piped/", "kv get piped/0", "cluster status"]) {
      const { code, problems } = run(`"$0" ${command} > /dev/full`);
      expect([command, code, problems]).toEqual([
        command,
        1,
        expect.stringMatching(/^konsul: Cannot write to standard output: .+\n$/),
      ]);
    }
    // A reader that has enough ends even what would go on for ever, without a word.
    const watched = run('set -o pipefail; "$0" cluster status --watch --json --interval 100ms | head -n 1');
    expect([watched.code, watched.out.trim().split("\n").length, watched.problems]).toEqual([1, 1, ""]);
  });

  test("health and the cluster are shown", async () => {
    const { url } = agent;
    expect((await konsul(["health", "--ready"], { url })).code).toBe(0);
    expect((await konsul(["cluster", "status"], { url })).out).toContain("healthy");
    expect(JSON.parse((await konsul(["cluster", "leader", "--json"], { url })).out)).toMatchObject({ term: 2 });
    expect((await konsul(["cluster", "peers"], { url })).out).toContain("leader");
    const { out: config } = await konsul(["cluster", "config"], { url });
    const { id } = JSON.parse((await konsul(["cluster", "leader", "--json"], { url })).out);
    expect(config).toMatch(new RegExp(`^voters +${String(id)}$`, "m"));
    expect(config).toMatch(/^learners +-$/m);
    expect(config).toMatch(/^epoch +1$/m);
    const raw = await konsul(["cluster", "config", "--json"], { url });
    expect(JSON.parse(raw.out)).toMatchObject({ voters: [id], outgoing: [], learners: [], cluster_version: 1 });
  });

  test("completion knows the commands in each shell", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, out } = await konsul(["completion", shell]);
      expect([code, out]).toEqual([0, expect.stringContaining("consistent")]);
    }
    const script = join(temporaryFolder(), "completion.bash");
    const { out: bash } = await konsul(["completion", "bash"]);
    const completed = (...words: readonly string[]): readonly string[] => {
      const line = `COMP_WORDS=(konsul ${words.join(" ")} ""); COMP_CWORD=${words.length + 1}; _konsul; echo "\${COMPREPLY[@]}"`;
      writeFileSync(script, `${bash}\n${line}\n`);
      return Bun.spawnSync(["bash", script]).stdout.toString().trim().split(" ");
    };
    expect(completed()).toContain("cluster");
    expect(completed("kv")).toEqual(["get", "put", "delete", "list", "watch", "export", "import"]);
    expect(completed("acl", "token")).toEqual(["create", "list", "get", "update", "delete"]);
    expect(completed("acl", "--json", "policy")).toEqual(["set", "list", "get", "delete"]);
    expect(completed("debug")).toContain("log");
    // A key that is named like a command is none.
    expect(completed("kv", "get", "acl")).toContain("--consistent");
  });
});
