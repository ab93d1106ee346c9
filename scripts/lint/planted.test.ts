import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";

interface Plant {
  readonly name: string;
  readonly path: string;
  readonly text: string;
  /** Part of the message that must refuse it. */
  readonly message: string;
}

const NO_GLOBAL = "Unexpected use of";

function inPureRoom(name: string, text: string, message: string): Plant {
  return { name, path: `src/raft/${name.replaceAll(/[^a-z]+/gi, "-").toLowerCase()}.ts`, text, message };
}

const PLANTS: readonly Plant[] = [
  inPureRoom("Date", "export const now = (): number => Date.now();", NO_GLOBAL),
  inPureRoom("globalThis Date", "export const now = (): number => globalThis.Date.now();", NO_GLOBAL),
  inPureRoom("self Date", "export const now = (): number => self.Date.now();", NO_GLOBAL),
  inPureRoom("eval", 'export const now = (): unknown => eval("Date.now()");', NO_GLOBAL),
  inPureRoom("setImmediate", "export function later(task: () => void): void {\n  setImmediate(task);\n}", NO_GLOBAL),
  inPureRoom("Promise", "export const soon = (): unknown => Promise.resolve(1);", NO_GLOBAL),
  inPureRoom("process", 'export const home = (): unknown => process.env["HOME"];', NO_GLOBAL),
  inPureRoom("Worker", 'export const other = (): unknown => new Worker("x");', NO_GLOBAL),
  inPureRoom("async function", "export async function work(): Promise<void> {}", "no async functions"),
  inPureRoom("async arrow", "export const work = async (): Promise<void> => {};", "no async functions"),
  inPureRoom("async method", "export class Work {\n  async run(): Promise<void> {}\n}", "no async functions"),
  inPureRoom("top await", "export const one: unknown = await 1;", "no await"),
  inPureRoom(
    "localeCompare",
    "export const order = (a: string, b: string): number => a.localeCompare(b);",
    "no locale",
  ),
  inPureRoom(
    "quoted locale",
    'export const order = (a: string, b: string): number => a["localeCompare"](b);',
    "no locale",
  ),
  inPureRoom("toLocaleString", "export const text = (a: number): string => a.toLocaleString();", "no locale"),
  inPureRoom("Math random", "export const dice = (): number => Math.random();", "Math.random"),
  inPureRoom("quoted random", 'export const dice = (): number => Math["random"]();', "no Math.random"),
  inPureRoom(
    "renamed Math",
    "const other = Math;\nexport const dice = (): number => other.random();",
    "no Math under another",
  ),
  inPureRoom(
    "taken random",
    "const { random } = Math;\nexport const dice = (): number => random();",
    "no Math under another",
  ),
  inPureRoom("node import", 'export { readFileSync } from "node:fs";', "room 'raft' may not import 'node:fs'"),
  inPureRoom("bare import", 'export { readFileSync } from "fs";', "room 'raft' may not import 'fs'"),
  inPureRoom("bun import", 'import { sleep } from "bun";\nexport const rest: unknown = sleep;', "pure room: no I/O"),
  inPureRoom(
    "package import",
    'import yaml from "yaml";\nexport const parse: unknown = yaml;',
    "may not import 'yaml'",
  ),
  inPureRoom("test import", 'import { test } from "bun:test";\nexport const run: unknown = test;', "pure room: no I/O"),
  inPureRoom(
    "run time import",
    'export const other = (): unknown => import("../base/index.ts");',
    "no imports at run time",
  ),
  inPureRoom("required", 'export const other: unknown = require("../base/index.ts");', "no imports at run time"),
  inPureRoom("meta", "export const here = (): string => import.meta.path;", "no import.meta"),
  inPureRoom("source alias", 'export { one } from "src/base/index.ts";', "an alias hides the room"),
  inPureRoom("at alias", 'export { one } from "@/base/index.ts";', "an alias hides the room"),
  inPureRoom("hash alias", 'export { one } from "#base";', "an alias hides the room"),
  inPureRoom("absolute", 'export { one } from "/srv/base/index.ts";', "an alias hides the room"),
  inPureRoom("inside file", 'export { one } from "../base/inside.ts";', "enter room 'base' through its index.ts"),
  inPureRoom("inner index", 'export { one } from "../base/inner/index.ts";', "enter room 'base' through its index.ts"),
  inPureRoom("upper room", 'export { two } from "../node/index.ts";', "room 'raft' may not import 'node'"),
  inPureRoom(
    "type of upper room",
    'export type Two = import("../node/index.ts").Two;',
    "room 'raft' may not import 'node'",
  ),
  {
    name: "fsm is pure too",
    path: "src/fsm/now.ts",
    text: "export const now = (): number => globalThis.Date.now();",
    message: NO_GLOBAL,
  },
  {
    name: "fsm may not know raft",
    path: "src/fsm/raft.ts",
    text: 'export { one } from "../raft/index.ts";',
    message: "room 'fsm' may not import 'raft'",
  },
  {
    name: "base has no clock",
    path: "src/base/now.ts",
    text: "export const now = (): number => Date.now();",
    message: NO_GLOBAL,
  },
  {
    name: "base imports no room",
    path: "src/base/up.ts",
    text: 'export { one } from "../raft/index.ts";',
    message: "room 'base' may not import 'raft'",
  },
  {
    name: "base has no files",
    path: "src/base/files.ts",
    text: 'export { readFileSync } from "node:fs";',
    message: "room 'base' may not import 'node:fs'",
  },
  {
    name: "a unit test may not reach into another room either",
    path: "src/raft/inside.test.ts",
    text: 'export { one } from "../base/inside.ts";',
    message: "enter room 'base' through its index.ts",
  },
  {
    name: "computed import",
    path: "src/node/computed.ts",
    text: "export const load = (path: string): unknown => import(path);",
    message: "a computed one hides the room",
  },
  {
    name: "unknown room",
    path: "src/misc/one.ts",
    text: "export const one = 1;",
    message: "room 'misc' must be entered in scripts/lint/rooms.js",
  },
  {
    name: "default export",
    path: "src/node/default.ts",
    text: "export default 1;",
    message: "export",
  },
  {
    name: "cycle",
    path: "src/node/cycle-a.ts",
    text: 'import { b } from "./cycle-b.ts";\nexport const a = (): number => b();',
    message: "cycle",
  },
];

const CLEAN: ReadonlyMap<string, string> = new Map([
  ["src/base/index.ts", 'export * from "./inside.ts";\n'],
  ["src/base/inside.ts", 'import { crc32 } from "node:zlib";\n\nexport const one: number = crc32("one");\n'],
  ["src/base/inner/index.ts", "export const one = 1;\n"],
  ["src/raft/index.ts", 'export * from "./clean.ts";\n'],
  [
    "src/raft/clean.ts",
    'import { one } from "../base/index.ts";\n\nexport function largest(random: () => number): number {\n' +
      "  return Math.max(one, Math.floor(random()));\n}\n",
  ],
  [
    "src/raft/clean.test.ts",
    'import { expect, test } from "bun:test";\nimport { largest } from "./clean.ts";\n\n' +
      'test("largest() is one at least", () => {\n  expect(largest(() => Date.now())).toBeGreaterThan(0);\n});\n',
  ],
  ["src/fsm/clean.ts", 'import { one } from "../base/index.ts";\n\nexport const rows: number = one;\n'],
  ["src/node/index.ts", "export type Two = 2;\nexport const two: Two = 2;\n"],
  [
    "src/node/cycle-b.ts",
    'import { a } from "./cycle-a.ts";\n\nexport const b = (): number => (Date.now() > 0 ? 1 : a());\n',
  ],
]);

const project = resolve(import.meta.dir, "../..");

interface Finding {
  readonly filename: string;
  readonly text: string;
}

function textOf(value: unknown, key: string): string {
  if (typeof value !== "object" || value === null) return "";
  const found: unknown = Reflect.get(value, key);
  return typeof found === "string" ? found : "";
}

function lint(folder: string): Finding[] {
  const run = Bun.spawnSync([join(project, "node_modules/.bin/oxlint"), "--format=json", "src"], { cwd: folder });
  const output = run.stdout.toString();
  const report: unknown = output.startsWith("{") ? JSON.parse(output) : undefined;
  const found: unknown = typeof report === "object" && report !== null ? Reflect.get(report, "diagnostics") : undefined;
  if (!Array.isArray(found)) throw new Error(`The linter must report: ${output}${run.stderr.toString()}`);
  return found.map((finding: unknown) => ({
    filename: textOf(finding, "filename").replaceAll("\\", "/"),
    text: `${textOf(finding, "code")} ${textOf(finding, "message")} ${textOf(finding, "help")}`,
  }));
}

describe("lint settings", () => {
  let folder = "";
  let findings: Finding[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "konsul-lint-"));
    mkdirSync(join(folder, "scripts"));
    cpSync(join(project, "scripts/lint"), join(folder, "scripts/lint"), { recursive: true });
    for (const file of [".oxlintrc.json", "tsconfig.json", "package.json"])
      cpSync(join(project, file), join(folder, file));
    symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
    for (const [path, text] of [...CLEAN, ...PLANTS.map((plant) => [plant.path, `${plant.text}\n`] as const)]) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    findings = lint(folder);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  for (const plant of PLANTS) {
    test(`lint refuses "${plant.name}" in ${plant.path}`, () => {
      const texts = findings.filter((finding) => finding.filename.endsWith(plant.path)).map((finding) => finding.text);
      expect(texts.filter((text) => text.includes(plant.message))).not.toEqual([]);
    });
  }

  test("lint has nothing against clean files", () => {
    const cyclic = "src/node/cycle-b.ts";
    const clean = [...CLEAN.keys()].filter((path) => path !== cyclic);
    expect(findings.filter((finding) => clean.some((path) => finding.filename.endsWith(path)))).toEqual([]);
  });
});
