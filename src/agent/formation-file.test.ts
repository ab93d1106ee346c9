import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { openFormationFile } from "./formation-file.ts";

const PROMISE = { id: "0123456789abcdef", isOwn: true };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "konsul-formation-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a process that starts now finds. */
function read(isMember = false): unknown {
  const opened = openFormationFile(folder, isMember);
  return opened.ok ? opened.value.read() : opened.error;
}

test("openFormationFile() finds the promise that was kept, also that of an older release, and none after it was taken back", () => {
  expect(read()).toBeUndefined();
  const opened = openFormationFile(folder, false);
  if (!opened.ok) throw new Error(opened.error);
  opened.value.write(PROMISE);
  expect([opened.value.read(), read()]).toEqual([PROMISE, PROMISE]);
  writeFileSync(join(folder, "formation.json"), JSON.stringify(PROMISE));
  expect(read()).toEqual(PROMISE);
  opened.value.write(undefined);
  expect([opened.value.read(), read()]).toEqual([undefined, undefined]);
});

test("openFormationFile() refuses a promise of which a bit has changed, unless the log says more", () => {
  const opened = openFormationFile(folder, false);
  if (!opened.ok) throw new Error(opened.error);
  opened.value.write(PROMISE);
  const path = join(folder, "formation.json");
  const bytes = readFileSync(path);
  const at = bytes.indexOf("abcdef");
  bytes[at] = (bytes[at] ?? 0) ^ 2;
  writeFileSync(path, bytes);
  expect(read()).toEqual(expect.stringContaining("formation.json: it is damaged"));
  expect(read(true)).toBeUndefined();
});
