import { EQUIVALENT } from "./equivalent.ts";
import { APPLICATION } from "./groups/application.ts";
import { DRIVER } from "./groups/driver.ts";
import { ELECTIONS } from "./groups/elections.ts";
import { FORGETTING } from "./groups/forgetting.ts";
import { LATER } from "./groups/later.ts";
import { MEMBERSHIP } from "./groups/membership.ts";
import { READS } from "./groups/reads.ts";
import { REPLICATION } from "./groups/replication.ts";
import { SNAPSHOTS } from "./groups/snapshots.ts";
import { STARTS } from "./groups/starts.ts";
import { VERSIONS } from "./groups/versions.ts";
import type { Mutant } from "./mutant.ts";
import { NEMESIS_FOR, QUICK_SEEDS } from "./quick-seeds.ts";

/** Numbered from 1, by their place in all of these: what is added goes to the end, so that a number keeps its meaning. */
const NUMBERED: readonly Mutant[] = [
  ...ELECTIONS,
  ...REPLICATION,
  ...MEMBERSHIP,
  ...SNAPSHOTS,
  ...READS,
  ...DRIVER,
  ...APPLICATION.map((draft) => ({ ...draft, isFull: true })),
  ...LATER,
].map((draft, place) => ({ ...draft, number: place + 1, seeds: [] }));

export const MUTANTS: readonly Mutant[] = [...NUMBERED, ...FORGETTING, ...VERSIONS, ...STARTS]
  .filter(({ number }) => !EQUIVALENT.has(number))
  .map((mutant) => ({
    ...mutant,
    nemesis: NEMESIS_FOR.get(mutant.number),
    seeds: QUICK_SEEDS.get(mutant.number) ?? mutant.seeds,
  }));
