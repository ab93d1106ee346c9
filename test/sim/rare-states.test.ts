import { describe, expect, test } from "bun:test";
import { AMNESIA_MARKS } from "./faults/amnesia-matrix.ts";
import { Marks, WANTED_MARKS } from "./marks.ts";
import { RARE_STATES } from "./rare-states.ts";

describe("rare states", () => {
  test("are 38, each told by marks that a sweep must reach, and all are in the README", async () => {
    const page = await Bun.file(new URL("README.md", import.meta.url)).text();
    expect(RARE_STATES).toHaveLength(38);
    for (const { state, marks } of RARE_STATES) {
      const rows = page.split("\n").filter((line) => line.startsWith(`| ${state} `));
      expect(rows).toHaveLength(1);
      for (const mark of marks) {
        expect(WANTED_MARKS).toContain(mark);
        expect(rows[0]).toContain(mark);
      }
    }
  });

  test("that were not reached are named, and so is every cell of the matrix of disks that forget", () => {
    const marks = new Marks();
    expect(marks.unreached()).toHaveLength(WANTED_MARKS.length + AMNESIA_MARKS.length);
    expect(AMNESIA_MARKS).toHaveLength(66);
    for (const mark of WANTED_MARKS) marks.hit(mark);
    expect(marks.unreached()).toEqual(AMNESIA_MARKS);
  });
});
