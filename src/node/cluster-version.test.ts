import { expect, test } from "bun:test";
import { EMPTY_MEMBERSHIP, encodeMembership, type Entry } from "../raft/index.ts";
import { tooNewFor, versionIn } from "./cluster-version.ts";
import type { SnapshotStore, StoredState } from "./ports.ts";

function folder(inLog: readonly number[], inSnapshots: readonly number[]): Parameters<typeof versionIn>[0] {
  const entries = inLog.map((clusterVersion): Entry => {
    const data = encodeMembership({ ...EMPTY_MEMBERSHIP, clusterVersion });
    return { index: 1, term: 1, time: 0, chain: 0, kind: "membership", data };
  });
  const noise: Entry = { index: 9, term: 1, time: 0, chain: 0, kind: "command", data: new Uint8Array([1]) };
  const stored: StoredState = Object({ entries: [...entries, noise] });
  const metas = inSnapshots.map((clusterVersion) => ({ membership: { ...EMPTY_MEMBERSHIP, clusterVersion } }));
  const snapshots: SnapshotStore = Object({ list: () => metas });
  return { stored, snapshots };
}

test("versionIn() finds the highest version that a folder holds, in the log or in a snapshot", () => {
  expect(versionIn(folder([], []))).toBe(0);
  expect(versionIn(folder([1, 2], [1]))).toBe(2);
  expect(versionIn(folder([], [1, 3]))).toBe(3);
});

test("tooNewFor() says both versions and what to do", () => {
  expect(tooNewFor(3, 2)).toContain("raised to version 3, and this release understands 2 at most");
  expect(tooNewFor(3, 2)).toContain("start the newer release again");
});
