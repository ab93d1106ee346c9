import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { giveName } from "./give-name.ts";

let folder = "";
let [part, file] = ["", ""];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "konsul-name-"));
  [part, file] = [join(folder, "part"), join(folder, "file")];
  writeFileSync(part, "new");
});

afterEach(() => rmSync(folder, { recursive: true }));

/** A file system without links, as each of them says it. */
function refusing(code: string): () => never {
  return () => {
    throw Object.assign(new Error(`${code}: link`), { code });
  };
}

describe("giveName()", () => {
  test("gives the file its name", () => {
    giveName(part, file);
    expect(readFileSync(file, "utf8")).toBe("new");
  });

  for (const code of ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EACCES", "EINVAL", "EIO"]) {
    test(`does so where a link is refused with ${code}, and overwrites nothing there`, () => {
      giveName(part, file, refusing(code));
      expect([readFileSync(file, "utf8"), existsSync(part)]).toEqual(["new", false]);
      writeFileSync(part, "newer");
      expect(() => giveName(part, file, refusing(code))).toThrow("not overwritten");
      expect(readFileSync(file, "utf8")).toBe("new");
    });
  }

  test("overwrites neither a file nor a link that leads nowhere", () => {
    symlinkSync(join(folder, "nothing"), file);
    expect(() => giveName(part, file)).toThrow("not overwritten");
    rmSync(file);
    writeFileSync(file, "old");
    expect(() => giveName(part, file)).toThrow("not overwritten");
    expect([readFileSync(file, "utf8"), readFileSync(part, "utf8")]).toEqual(["old", "new"]);
  });

  test("says what is wrong where neither works", () => {
    expect(() => giveName(part, join(folder, "none", "file"))).toThrow("ENOENT");
  });
});
