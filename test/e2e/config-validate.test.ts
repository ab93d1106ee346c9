import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, temporaryFolder, type Ran } from "./agent-process.ts";

afterEach(cleanUp);

const GOOD = { port: 8889, log_level: "debug", raft: { node_id: "a", join_addresses: ["b:7000", "c:7000"] } };

/** Each line of one kind: no setting at all, values that are none, a value that is missing, one that others forbid. */
const WRONG = {
  prot: 1,
  host: "0.0.0.0",
  log_level: "loud",
  data_dir: null,
  raft: { heartbeat_timeout: "5ms", trailing_logs: "many", zoen: "x" },
  limits: { max_value_bytes: "3 apples" },
};
const MISTAKES = [
  "prot: is no setting (did you mean port?)",
  "data_dir: has no value",
  "raft.zoen: is no setting (did you mean raft.zone?)",
  "log_level: must be one of debug, info, warn, error",
  "raft.heartbeat_timeout: must be from ",
  "raft.trailing_logs: must be a whole number",
  "limits.max_value_bytes: must be a number with one of the units",
  "host: 0.0.0.0 is no loopback address",
];

const FORMATS: readonly (readonly [string, (settings: object) => string])[] = [
  ["konsul.json", (settings) => JSON.stringify(settings)],
  ["konsul.yaml", (settings) => Bun.YAML.stringify(settings, null, 2)],
];

/** A file with this text. */
function fileWith(name: string, text: string): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, text);
  return file;
}

function linesOf({ problems }: Ran): readonly string[] {
  return problems.trimEnd().split("\n");
}

describe("konsul config validate", () => {
  for (const [name, write] of FORMATS) {
    test(`${name}: what is right is said to be valid`, async () => {
      const file = fileWith(name, write(GOOD));
      expect(await konsul(["config", "validate", file])).toEqual({ code: 0, out: `${file} is valid\n`, problems: "" });
      const { code, out } = await konsul(["config", "validate", file, "--json"]);
      expect([code, JSON.parse(out)]).toEqual([0, { valid: true, mistakes: [] }]);
    });

    test(`${name}: every mistake is listed at once, as at the start of an agent`, async () => {
      const file = fileWith(name, write(WRONG));
      const ran = await konsul(["config", "validate", file]);
      expect([ran.code, ran.out]).toEqual([1, ""]);
      const lines = linesOf(ran);
      const wanted = MISTAKES.map((mistake) => `konsul: ${file}: ${mistake}`);
      expect(lines.map((line, at) => line.slice(0, wanted[at]?.length))).toEqual(wanted);
      const { code, out } = await konsul(["config", "validate", file, "--json"]);
      const sources = MISTAKES.map((mistake) => ({
        source: `${file}: ${mistake.split(":")[0]}`,
        message: expect.any(String),
      }));
      expect([code, JSON.parse(out)]).toEqual([1, { valid: false, mistakes: sources }]);
      const started = await konsul(["agent", "--config", file]);
      expect([started.code, linesOf(started)]).toEqual([2, linesOf(ran)]);
    });
  }

  test("only the file is judged, not what the environment says", async () => {
    const file = fileWith("konsul.yaml", "port: 1\n");
    const environment = { KONSUL_PORT: "none", KONSUL_RAFT_ZOEN: "x" };
    expect((await konsul(["config", "validate", file], { environment })).code).toBe(0);
    expect((await konsul(["agent", "--config", file], { environment })).code).toBe(2);
  });

  test("what cannot be read, or is no mapping of settings, is one line that says why", async () => {
    const missing = join(temporaryFolder(), "none.yaml");
    const cases: readonly (readonly [string, string])[] = [
      [missing, `Cannot read ${missing}: there is no such file`],
      ["/", "Cannot read /: it is a folder"],
      [fileWith("cut.json", '{"port": 1, "raft": {'), "cut.json: is neither JSON nor YAML: "],
      [fileWith("tabs.yaml", "raft:\n\tzone: x\n"), "tabs.yaml: is neither JSON nor YAML: "],
      [fileWith("twice.yaml", "port: 1\nport: 2\n"), "twice.yaml: is neither JSON nor YAML: Map keys must be unique"],
      [fileWith("list.json", "[1]"), "list.json: must be a mapping of settings"],
    ];
    for (const [file, wanted] of cases) {
      const ran = await konsul(["config", "validate", file]);
      expect([file, ran.code, ran.out, linesOf(ran)]).toEqual([file, 1, "", [expect.stringContaining(wanted)]]);
    }
    expect((await konsul(["config", "validate"])).code).toBe(2);
  });
});
