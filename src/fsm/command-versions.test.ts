import { expect, test } from "bun:test";
import { CLUSTER_VERSION_MAX, CLUSTER_VERSION_MIN } from "../base/index.ts";
import { COMMAND_SINCE } from "./command-versions.ts";

test("every command may be written at some cluster version that this release knows, and none of the first is left out", () => {
  const versions = Object.values(COMMAND_SINCE);
  expect(versions.filter((version) => version < CLUSTER_VERSION_MIN || version > CLUSTER_VERSION_MAX)).toEqual([]);
  // What the first release wrote, every later one writes from the start: the numbers never change.
  expect(versions.filter((version) => version === 1)).toHaveLength(24);
});
