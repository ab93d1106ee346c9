import { expect, test } from "bun:test";
import type { Stance } from "../replica/index.ts";
import { Responder } from "./respond.ts";

function responder(requestId: string, stance: Stance): Responder {
  return new Responder({ stance: () => stance }, requestId);
}

test("Responder: each answer keeps its own headers, whatever is answered after it", () => {
  const stances: readonly Stance[] = [
    { appliedIndex: 7, hasLeader: true, lastContactMs: 0 },
    { appliedIndex: 7, hasLeader: false, lastContactMs: 12.4 },
    { appliedIndex: 9, hasLeader: true, lastContactMs: Infinity },
  ];
  const answers = stances.map((stance, at) => responder(`id-${at}`, stance).json({}));
  const told = answers.map(({ headers }) =>
    ["x-request-id", "x-konsul-index", "x-konsul-known-leader", "x-konsul-last-contact"].map((name) =>
      headers.get(name),
    ),
  );
  expect(told).toEqual([
    ["id-0", "7", "true", "0"],
    ["id-1", "7", "false", "12"],
    ["id-2", "9", "true", "2147483648"],
  ]);
});

test("Responder: an answer's own headers and status are no other's", () => {
  const respond = responder("id", { appliedIndex: 1, hasLeader: true, lastContactMs: 0 });
  const own = respond.json({}, 503, { "Retry-After": "1" });
  const other = respond.json({});
  expect([own.status, own.headers.get("retry-after")]).toEqual([503, "1"]);
  expect([other.status, other.headers.get("retry-after")]).toEqual([200, null]);
  expect(other.headers.get("content-type")).toBe("application/json");
});
