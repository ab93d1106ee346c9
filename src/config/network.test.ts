import { expect, test } from "bun:test";
import { parseNetwork } from "./network.ts";

test("a network is an address with the length of a prefix, or one address", () => {
  expect(parseNetwork("10.0.0.0/8")).toEqual({ address: "10.0.0.0", bits: 8 });
  expect(parseNetwork("192.168.1.7")).toEqual({ address: "192.168.1.7", bits: 32 });
  expect(parseNetwork("fd12::/16")).toEqual({ address: "fd12::", bits: 16 });
  expect(parseNetwork("0.0.0.0/0")).toEqual({ address: "0.0.0.0", bits: 0 });
  for (const text of ["", "x", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "10.0.0.0/8/8", "10.0.0.0/-1", "localhost"]) {
    expect([text, parseNetwork(text)]).toEqual([text, undefined]);
  }
});
