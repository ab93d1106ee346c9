import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { EMPTY_HEAD, encodeHead } from "./head-record.ts";
import { Witness } from "./witness.ts";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "konsul-witness-"));
  path = join(folder, "witness");
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("Witness", () => {
  test("Witness.read() of a new one finds transaction 0, and of none says that it is missing", () => {
    expect(Witness.read(path)).toEqual({ kind: "missing" });
    Witness.create(path);
    expect(Witness.read(path)).toEqual({ kind: "found", head: EMPTY_HEAD });
  });

  test("Witness.read() finds the newest record, and the one before when the newest is torn", () => {
    Witness.create(path);
    const witness = Witness.open(path);
    witness.write(1, encodeHead({ ...EMPTY_HEAD, seq: 1 }));
    witness.write(2, encodeHead({ ...EMPTY_HEAD, seq: 2 }));
    witness.write(3, encodeHead({ ...EMPTY_HEAD, seq: 3 }));
    witness.close();
    expect(Witness.read(path)).toEqual({ kind: "found", head: { ...EMPTY_HEAD, seq: 3 } });
    const bytes = readFileSync(path);
    bytes.fill(255, 4096 + 20, 4096 + 60);
    writeFileSync(path, bytes);
    expect(Witness.read(path)).toEqual({ kind: "found", head: { ...EMPTY_HEAD, seq: 2 } });
    bytes.fill(255, 20, 60);
    writeFileSync(path, bytes);
    expect(Witness.read(path).kind).toBe("damaged");
  });

  test("Witness.rewrite() leaves two equal records", () => {
    Witness.create(path);
    const witness = Witness.open(path);
    witness.rewrite({ ...EMPTY_HEAD, seq: 9 });
    witness.close();
    const bytes = readFileSync(path);
    expect(bytes.subarray(0, 4096).equals(bytes.subarray(4096, 8192))).toBe(true);
  });

  test("Witness.mark() outlives everything, and a torn mark is still a mark", () => {
    Witness.create(path);
    const size = readFileSync(path).length;
    const witness = Witness.open(path);
    witness.mark("the disk failed");
    witness.write(1, encodeHead({ ...EMPTY_HEAD, seq: 1 }));
    witness.close();
    expect(Witness.read(path)).toEqual({ kind: "marked", reason: "the disk failed" });
    expect(readFileSync(path)).toHaveLength(size);
    const bytes = readFileSync(path);
    bytes.fill(0, 8192 + 1);
    writeFileSync(path, bytes);
    expect(Witness.read(path).kind).toBe("marked");
  });

  test("Witness.read() of a file that was cut is damaged, even when only the mark's place is missing", () => {
    Witness.create(path);
    truncateSync(path, 8192);
    expect(Witness.read(path).kind).toBe("damaged");
  });
});
