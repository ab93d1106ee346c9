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
  expect(spare.take() === first).toBe(false);
});
