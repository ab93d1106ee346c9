import { describe, test } from "bun:test";
import { Scene } from "../scenarios/scene.ts";
import { scheduleName, SCHEDULES } from "./schedules.ts";

describe("with every rule in its place", () => {
  for (const [number, { setup, play }] of SCHEDULES) {
    test(scheduleName(number), () => play(new Scene(setup)), 120_000);
  }
});
