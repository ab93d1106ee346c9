import { expect, test } from "bun:test";
import { RecentLines } from "./recent-lines.ts";

test("the last thousand lines are kept, oldest first, each cut to a bound", () => {
  const lines = new RecentLines();
  expect(lines.all()).toEqual([]);
  for (let at = 0; at < 3; at += 1) lines.add(`line ${at}`);
  expect(lines.all()).toEqual(["line 0", "line 1", "line 2"]);
  for (let at = 3; at < 2500; at += 1) lines.add(`line ${at}`);
  expect(lines.all().length).toBe(1000);
  expect([lines.all()[0], lines.all().at(-1)]).toEqual(["line 1500", "line 2499"]);
  lines.add("x".repeat(5000));
  expect(lines.all().at(-1)?.length).toBe(2000);
});
