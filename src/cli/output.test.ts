import { expect, test } from "bun:test";
import { table } from "./output.ts";

test("a table's columns stand below each other, whatever letters are in them", () => {
  const shown = table(
    ["NAME", "STATE"],
    [
      ["日本", "leader"],
      ["a", "follower"],
    ],
  );
  expect(shown).toBe("NAME  STATE\n日本  leader\na     follower");
});

test("what clients chose as names cannot command a terminal", () => {
  expect(table(["NAME"], [["a\u001B[2Jb\n\u009Bc"]])).toBe("NAME\na\\u001b[2Jb\\u000a\\u009bc");
});
