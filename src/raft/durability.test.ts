import { expect, test } from "bun:test";
import { Durability } from "./durability.ts";

test("Durability.onPersisted() proves everything up to its ticket", () => {
  const durability = new Durability(3, 7);
  durability.issue(5, 10);
  durability.issue(9, 20);

  durability.onPersisted(1, 8);

  expect(durability).toMatchObject({ index: 5, ticket: 1, seq: 8, oldestSince: 20 });
  expect(durability.ticketOf(5)).toBe(0);
  expect(durability.ticketOf(6)).toBe(2);
  expect(durability.ticketOf(10)).toBe(3);
});

test("Durability.onPersisted() of a truncated append proves only what was kept", () => {
  const durability = new Durability(3, 0);
  durability.issue(9, 0);
  durability.onTruncated(6);
  durability.issue(8, 0);

  durability.onPersisted(1, 1);
  expect(durability.index).toBe(5);
  durability.onPersisted(2, 2);
  expect(durability.index).toBe(8);
});

test("Durability.onReset() voids everything until the reset itself is durable", () => {
  const durability = new Durability(9, 0);
  durability.issue(12, 0);
  durability.onReset();
  durability.issue(50, 0);

  durability.onPersisted(1, 1);
  expect(durability.index).toBe(0);
  durability.onPersisted(2, 2);
  expect(durability.index).toBe(50);
});

test("Durability.onPersisted() refuses a ticket that was never issued", () => {
  expect(() => new Durability(0, 0).onPersisted(1, 1)).toThrow("newest is 0");
});
