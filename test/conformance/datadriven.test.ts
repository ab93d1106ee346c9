import { expect, test } from "bun:test";
import { parseDatadriven } from "./datadriven.ts";

test("parseDatadriven() reads directive, input and expected output", () => {
  const cases = parseDatadriven("f", "# why\n\nrun a=1 b=(x, (y,z),) flag\n in 1\nin 2\n----\nout\n\nnext\n----\n");
  expect(cases).toEqual([
    {
      place: "f:3",
      command: "run",
      args: new Map([
        ["a", ["1"]],
        ["b", ["x", "(y,z)", ""]],
        ["flag", []],
      ]),
      input: "in 1\nin 2",
      expected: "out\n",
    },
    { place: "f:9", command: "next", args: new Map(), input: "", expected: "" },
  ]);
});

test("parseDatadriven() joins a directive that goes on behind a backslash", () => {
  const [only] = parseDatadriven("f", "run \\\n a=1\n----\n");
  expect(only?.args).toEqual(new Map([["a", ["1"]]]));
});

test("parseDatadriven() lets a doubled separator hold blank lines", () => {
  const cases = parseDatadriven("f", "run\n----\n----\nx\n\ny\n----\n----\n\nnext\n----\nz\n");
  expect(cases.map((one) => one.expected)).toEqual(["x\n\ny\n", "z\n"]);
});

test("parseDatadriven() refuses a case without a separator", () => {
  expect(() => parseDatadriven("f", "run\n")).toThrow("f:1: a case must have a line ----");
});
