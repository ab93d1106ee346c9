import { describe, test } from "bun:test";
import { Scene } from "./scene.ts";
import { nameOf, SCENARIOS } from "./table.ts";

describe("schedules that break a careless design", () => {
  for (const scenario of SCENARIOS) {
    test(nameOf(scenario), () => scenario.play(new Scene(scenario.setup)), 120_000);
  }
});
