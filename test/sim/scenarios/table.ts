import { FAILOVER } from "./failover.ts";
import { MEMBERSHIPS } from "./memberships.ts";
import { OUTCOMES } from "./outcomes.ts";
import { PAIRS } from "./pairs.ts";
import type { Scenario } from "./scenario.ts";

/** Schedules that the core can show. */
export const SCENARIOS: readonly Scenario[] = [...PAIRS, ...FAILOVER, ...MEMBERSHIPS, ...OUTCOMES];

/** As its test is called. */
export function nameOf({ attack, claim }: Scenario): string {
  return `attack ${attack}: ${claim}`;
}
