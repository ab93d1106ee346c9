import { expect, test } from "bun:test";
import { createPrng, fromUtf8, utf8 } from "../base/index.ts";
import { ApiError } from "./errors.ts";
import { checkKey, parseKey, percentDecode, type NamedKey } from "./key-path.ts";

/** What the decoder makes of it, however plain it is. */
function decoded(raw: string): NamedKey {
  const key = checkKey(percentDecode(raw));
  return { key, keyText: fromUtf8(key) };
}

function outcome(parse: (raw: string) => NamedKey, raw: string): unknown {
  try {
    return parse(raw);
  } catch (cause) {
    return cause instanceof ApiError ? cause.message : cause;
  }
}

test("parseKey() takes a plain key for what the decoder makes of it (seed 11)", () => {
  const prng = createPrng(11);
  const pieces = [
    "a",
    "/",
    "+",
    "~",
    " ",
    "\t",
    "\u007f",
    "\u0000",
    "\u0080",
    "é",
    "€",
    "𝄞",
    "%",
    "%00",
    "%C3%A9",
    "%ff",
  ];
  for (let round = 0; round < 3000; round += 1) {
    const raw = Array.from({ length: prng.between(0, 5) }, () => prng.pick(pieces)).join("");
    expect(outcome(parseKey, raw), JSON.stringify(raw)).toEqual(outcome(decoded, raw));
  }
});

test("parseKey() counts bytes, not what they are written with", () => {
  expect(parseKey("k".repeat(1024))).toEqual({ key: utf8("k".repeat(1024)), keyText: "k".repeat(1024) });
  expect(parseKey("%6b".repeat(1024))).toEqual(parseKey("k".repeat(1024)));
  for (const raw of ["k".repeat(1025), "é".repeat(513), "%6b".repeat(1025)])
    expect(() => parseKey(raw)).toThrow("a key has 1 to 1024");
});
