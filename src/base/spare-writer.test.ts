import { expect, test } from "bun:test";
import { SpareWriter } from "./spare-writer.ts";

test("SpareWriter gives the same writer again, empty, unless it is out or grew too large", () => {
  const spare = new SpareWriter();
  const first = spare.take().u8(7);
  const second = spare.take();
  expect(second === first).toBe(false);
  spare.giveBack(first);
  expect(spare.take() === first).toBe(true);
  expect(first.length).toBe(0);
  spare.giveBack(first.raw(new Uint8Array(1024 * 1024)));
  const next = spare.take();
  expect(next === first).toBe(false);
  spare.giveBack(next);
  const large = spare.take(1024 * 1024);
  expect(large.capacity).toBe(1024 * 1024);
  spare.giveBack(large);
  expect(spare.take() === next).toBe(true);
});
