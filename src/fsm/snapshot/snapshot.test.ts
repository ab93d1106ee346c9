import { describe, expect, test } from "bun:test";
import { createPrng, InvariantViolation, utf8, type Table } from "../../base/index.ts";
import { createKonsulFsm, createSortedArrayTable, RestoreFailed, type KonsulFsm } from "../index.ts";
import { applyNext, drain, randomLog, restoreFrom } from "../test-log.ts";

const GOLDEN_HASH = "871694ca722396cb";
const GOLDEN = `
  01
  13000000 01 0200000000000000 1400000000000000 01 0a
  0a000000 02 01 0200000000000000
  24000000 03 01000000 61 00 0500000000000000 0100000000000000 0100000000000000 01000000 31
  25000000 03 01000000 62 00 0500000000000000 0200000000000000 0200000000000000 02000000 3232
  0a000000 02 02 0000000000000000
  0a000000 02 03 0000000000000000
  0a000000 02 04 0000000000000000
  0a000000 02 05 0000000000000000
  0a000000 02 06 0000000000000000
  0a000000 02 07 0000000000000000
  0a000000 02 08 0000000000000000
  0a000000 02 09 0000000000000000
  0a000000 02 0a 0000000000000000
  1d000000 04 0200000000000000 10000000 38373136393463613732323339366362
`;

/** As a program wrote it that knew keys only. */
const KEYS_ONLY = GOLDEN.replace("01 0a\n", "01 01\n").replaceAll(/  0a000000 02 0[2-9a] 0000000000000000\n/g, "");

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function put(fsm: KonsulFsm, key: string, value: Uint8Array): void {
  applyNext(fsm, { kind: "kv-set", key: utf8(key), value, flags: 5n });
}

function small(): KonsulFsm {
  const fsm = createKonsulFsm();
  put(fsm, "a", utf8("1"));
  put(fsm, "b", utf8("22"));
  return fsm;
}

interface Damage {
  readonly bytes: Uint8Array;
  readonly index?: number;
  readonly time?: number;
  readonly stateHash?: string;
  readonly hashVersion?: number;
}

function restore(damage: Damage): KonsulFsm {
  const fsm = createKonsulFsm();
  const claim = { index: 2, time: 20, stateHash: small().stateHash(), hashVersion: 1, ...damage };
  fsm.restoreStart();
  fsm.restorePart(damage.bytes);
  fsm.restoreEnd(claim);
  return fsm;
}

/** Memory in which a byte of the first row flips. */
function createFaultyTable(): Table {
  const table = createSortedArrayTable();
  return {
    ...table,
    get size(): number {
      return table.size;
    },
    set: (key, row) => {
      if (table.size === 0) row[row.length - 1] = 0x39;
      table.set(key, row);
    },
  };
}

describe("an encoded state", () => {
  test("has the bytes of format 1, and the hash of version 1", () => {
    const { bytes, hash } = drain(small().freeze());
    expect(hex(bytes)).toBe(GOLDEN.replaceAll(/\s/g, ""));
    expect(hash).toBe(GOLDEN_HASH);
    expect(restore({ bytes }).stateHash()).toBe(GOLDEN_HASH);
  });

  test("of a program that knew fewer tables is restored, with the others empty", () => {
    const bytes = new Uint8Array(Buffer.from(KEYS_ONLY.replaceAll(/\s/g, ""), "hex"));
    const fsm = restore({ bytes });
    expect([fsm.stateHash(), fsm.keyCount(), fsm.services.count]).toEqual([GOLDEN_HASH, 2, 0]);
  });

  test("is the same however it is sliced", () => {
    const fsm = createKonsulFsm();
    for (const entry of randomLog(createPrng(41), 100)) fsm.apply(entry);
    const whole = hex(drain(fsm.freeze(), 1_000_000).bytes);
    for (const size of [1, 7, 100, 1000]) expect(hex(drain(fsm.freeze(), size).bytes)).toBe(whole);
  });

  test("does not show what is applied while it is taken", () => {
    const fsm = createKonsulFsm();
    for (const entry of randomLog(createPrng(42), 200)) fsm.apply(entry);
    const wanted = drain(fsm.freeze());
    const frozen = fsm.freeze();
    const parts: Uint8Array[] = [];
    for (let part = frozen.next(60); part !== undefined; part = frozen.next(60)) {
      parts.push(part);
      put(fsm, `k/${parts.length % 20}`, utf8("later"));
      applyNext(fsm, { kind: "kv-delete", key: utf8(`k/${(parts.length * 7) % 20}`) });
    }
    expect(hex(Buffer.concat(parts))).toBe(hex(wanted.bytes));
    expect(frozen.stateHash).toBe(wanted.hash);
    expect(frozen.moment).toEqual({ index: 200, time: 2000 });
    expect(fsm.stateHash()).not.toBe(wanted.hash);
  });

  test("has a hash that is complete only at the end, and no parts behind it", () => {
    const fsm = small();
    const frozen = fsm.freeze();
    frozen.next(1);
    expect(frozen.stateHash).not.toBe(fsm.stateHash());
    while (frozen.next(1) !== undefined);
    expect(frozen.stateHash).toBe(fsm.stateHash());
    expect(frozen.next(1)).toBeUndefined();
    frozen.release();
    expect(() => frozen.next(1)).toThrow(InvariantViolation);
  });

  test("whose rows no longer add up to the running hash shows it, and cannot be restored", () => {
    const fsm = createKonsulFsm({ tables: createFaultyTable });
    put(fsm, "a", utf8("1"));
    put(fsm, "b", utf8("22"));
    const { bytes, hash } = drain(fsm.freeze());
    expect(hash).not.toBe(fsm.stateHash());
    expect(() => restore({ bytes })).toThrow("state hash");
    expect(() => restore({ bytes, stateHash: hash })).toThrow("state hash");
  });

  test("of an empty state is restored as such, and of a large row too", () => {
    const fsm = createKonsulFsm();
    restoreFrom(fsm, createKonsulFsm());
    expect(fsm.appliedIndex).toBe(0);
    const source = createKonsulFsm();
    put(source, "large", new Uint8Array(300_000).fill(7));
    restoreFrom(fsm, source, 5000);
    expect(fsm.kv.get(utf8("large"))?.value.length).toBe(300_000);
  });
});

describe("a restore fails by name", () => {
  const { bytes } = drain(small().freeze());

  test("when any byte is missing at the end, or one follows", () => {
    for (let size = 0; size < bytes.length; size++) {
      expect(() => restore({ bytes: bytes.slice(0, size) })).toThrow(RestoreFailed);
    }
    expect(() => restore({ bytes: Uint8Array.of(...bytes, 0) })).toThrow(RestoreFailed);
    expect(() => restore({ bytes: Uint8Array.of(...bytes, 1, 0, 0, 0, 4) })).toThrow("follows the trailer");
  });

  test("when any bit is flipped", () => {
    for (let at = 0; at < bytes.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        expect(() => restore({ bytes: damaged })).toThrow(RestoreFailed);
      }
    }
  });

  test("when it is not the state of the meta", () => {
    expect(() => restore({ bytes, index: 3 })).toThrow("index must be 3: it is 2");
    expect(() => restore({ bytes, time: 21 })).toThrow("time");
    expect(() => restore({ bytes, stateHash: "00" })).toThrow("state hash");
    expect(() => restore({ bytes, hashVersion: 2 })).toThrow("hash version");
  });

  const header = "13000000 01 0200000000000000 1400000000000000 01 01";
  const rowA = "24000000 03 01000000 61 00 0500000000000000 0100000000000000 0100000000000000 01000000 31";
  const wrong: readonly (readonly [string, string, string])[] = [
    ["another format", "02", "format must be 1"],
    ["a first frame that is no header", `01 0a000000 02 01 0200000000000000`, "header is not the first"],
    ["a second header", `01 ${header} ${header}`, "comes twice"],
    ["a row outside a section", `01 ${header} ${rowA}`, "outside a section"],
    ["an unknown section", `01 ${header} 0a000000 02 63 0000000000000000`, "does not know: 99"],
    ["an unknown tag", `01 ${header} 01000000 09`, "unknown tag: 9"],
    ["a frame without a tag", `01 ${header} 00000000`, "frame of 0 bytes"],
    ["a frame larger than any row", `01 ${header} 00000010`, "frame of 268435456 bytes"],
    ["a frame longer than its fields", `01 ${header} 0b000000 02 01 0200000000000000 00`, "10 were read"],
    ["a section twice", `01 ${header} ${"0a000000 02 01 0000000000000000 ".repeat(2)}`, "after section 1"],
    ["a key twice", `01 ${header} 0a000000 02 01 0200000000000000 ${rowA} ${rowA}`, "not above the last"],
    [
      "an unknown field of a row",
      `01 ${header} 0a000000 02 01 0100000000000000 0a000000 03 01000000 61 02 00000000`,
      "optional",
    ],
  ];
  for (const [name, text, message] of wrong) {
    test(`on ${name}`, () => {
      const damaged = new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
      expect(() => restore({ bytes: damaged })).toThrow(RestoreFailed);
      expect(() => restore({ bytes: damaged })).toThrow(message);
    });
  }
});

describe("in the middle of a restore, or after a failed one", () => {
  test("nothing can be applied or frozen; a new restore succeeds", () => {
    const fsm = small();
    expect(() => fsm.restorePart(utf8("x"))).toThrow(InvariantViolation);
    expect(() => fsm.restoreEnd({ index: 2, time: 20, stateHash: "", hashVersion: 1 })).toThrow(InvariantViolation);
    fsm.restoreStart();
    expect(() => fsm.restorePart(utf8("junk"))).toThrow(RestoreFailed);
    expect(() => fsm.freeze()).toThrow(InvariantViolation);
    expect(() => put(fsm, "c", utf8("3"))).toThrow(InvariantViolation);
    expect(fsm.appliedIndex).toBe(0);
    restoreFrom(fsm, small());
    put(fsm, "c", utf8("3"));
    expect(fsm.keyCount()).toBe(3);
  });

  test("a restore that was started but got no part leaves an empty state to replay the whole log on", () => {
    const fsm = small();
    fsm.restoreStart();
    expect(() => fsm.restorePart(utf8("junk"))).toThrow(RestoreFailed);
    fsm.restoreStart();
    expect(fsm.keyCount()).toBe(0);
    put(fsm, "a", utf8("1"));
    put(fsm, "b", utf8("22"));
    expect(drain(fsm.freeze())).toEqual(drain(small().freeze()));
    expect(fsm.changes.size).toBe(2);
  });
});
