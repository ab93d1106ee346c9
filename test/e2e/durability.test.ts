import { afterEach, expect, test } from "bun:test";
import { cleanUp } from "./agent-process.ts";
import { canTrace, syncsBeforeAnswers } from "./sync-trace.ts";

afterEach(cleanUp);

test.skipIf(!canTrace())(
  "an acknowledged write was written to the log and synced on a quorum before its answer",
  async () => {
    for (const nodes of await syncsBeforeAnswers()) expect(nodes).toBeGreaterThanOrEqual(2);
  },
  300_000,
);
