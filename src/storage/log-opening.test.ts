import { expect, test } from "bun:test";
import { isSafeSqliteVersion } from "./log-opening.ts";

test("isSafeSqliteVersion() refuses what can lose commits and the version that was withdrawn", () => {
  for (const version of ["3.51.3", "3.51.10", "3.52.1", "3.54.1", "4.0.0"]) {
    expect([version, isSafeSqliteVersion(version)]).toEqual([version, true]);
  }
  for (const version of ["3.51.2", "3.50.9", "3.52.0", "2.99.99", "", "x"]) {
    expect([version, isSafeSqliteVersion(version)]).toEqual([version, false]);
  }
});
