import { expect, test } from "bun:test";
import { createPrng } from "../../../src/base/index.ts";
import { BootWorld, formedFolders } from "./boot-world.ts";
import type { Fate, Orders } from "./boot-stage.ts";

const isLong = process.env["KONSUL_LONG"] === "1";
/** One of so many combinations is run. */
const STRIDE = Number(process.env["KONSUL_BOOT_STRIDE"] ?? (isLong ? 1 : 10));
const FROM = Number(process.env["KONSUL_BOOT_FROM"] ?? 0);

const VALUE = 4711;
const APART_MS = 25_000;
const TOGETHER_MS = 120_000;
const ALL = ["host0:7000", "host1:7000", "host2:7000"];

/** How the three are told to start. */
interface Template {
  readonly name: string;
  readonly orders: (at: number) => Orders;
  /** Three empty nodes become one cluster by it. */
  readonly canForm: boolean;
  /** Those that start a cluster need not hear of one with data: they ask nobody, or not everybody. */
  readonly mayMiss?: (combination: Combination) => boolean;
}

const TEMPLATES: readonly Template[] = [
  {
    name: "the first bootstraps, the others join it",
    orders: (at) => ({ isBootstrap: at === 0, expect: 0, joinAddresses: at === 0 ? [] : ["host0:7000"] }),
    canForm: true,
    mayMiss: ({ fates }) => fates?.[0] === "wiped",
  },
  {
    name: "the first bootstraps, all know all",
    orders: (at) => ({ isBootstrap: at === 0, expect: 0, joinAddresses: ALL }),
    canForm: true,
  },
  {
    name: "all expect three",
    orders: () => ({ isBootstrap: false, expect: 3, joinAddresses: ALL }),
    canForm: true,
  },
  {
    name: "all expect two",
    orders: () => ({ isBootstrap: false, expect: 2, joinAddresses: ALL }),
    canForm: true,
    mayMiss: ({ fates, gapMs, partition }) => isWiped(fates, 2) && (gapMs > 0 || partition !== TOGETHER),
  },
  {
    name: "all are told to bootstrap",
    orders: () => ({ isBootstrap: true, expect: 0, joinAddresses: ALL }),
    canForm: false,
  },
  {
    name: "one bootstraps, the others expect three",
    orders: (at) => ({ isBootstrap: at === 0, expect: at === 0 ? 0 : 3, joinAddresses: ALL }),
    canForm: false,
  },
  {
    name: "nobody starts a cluster, all join",
    orders: () => ({ isBootstrap: false, expect: 0, joinAddresses: ALL }),
    canForm: false,
  },
];

const FATES: readonly Fate[] = ["intact", "wiped", "quarantined", "log gone"];
const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;
const GAPS_MS = [0, 4000];

type Blocks = (from: number, to: number) => boolean;
const TOGETHER: readonly [string, Blocks] = ["none", () => false];
const PARTITIONS: readonly (readonly [name: string, blocks: Blocks])[] = [
  TOGETHER,
  ...[0, 1, 2].map((at): readonly [string, Blocks] => [`${at} apart`, (from, to) => from === at || to === at]),
  ["0 deaf", (_, to) => to === 0],
  ["0 mute", (from) => from === 0],
  ["all apart", () => true],
];

interface Combination {
  readonly template: Template;
  /** Undefined: there was no cluster before. */
  readonly fates: readonly Fate[] | undefined;
  readonly order: readonly number[];
  readonly gapMs: number;
  readonly partition: (typeof PARTITIONS)[number];
}

function isWiped(fates: readonly Fate[] | undefined, count: number): boolean {
  return fates !== undefined && fates.filter((fate) => fate === "wiped").length >= count;
}

function combinations(): readonly Combination[] {
  const before = FATES.flatMap((a) => FATES.flatMap((b) => FATES.map((c) => [a, b, c])));
  return TEMPLATES.flatMap((template) =>
    [undefined, ...before].flatMap((fates) =>
      ORDERS.flatMap((order) =>
        GAPS_MS.flatMap((gapMs) => PARTITIONS.map((partition) => ({ template, fates, order, gapMs, partition }))),
      ),
    ),
  );
}

const folders = formedFolders(VALUE);

function nameOf({ template, fates, order, gapMs, partition }: Combination): string {
  return `${template.name} · ${fates?.join(", ") ?? "fresh"} · started ${order.join("")} every ${gapMs} ms · ${partition[0]}`;
}

function run(combination: Combination, seed: number): BootWorld {
  const { template, fates, order, gapMs, partition } = combination;
  const world = new BootWorld(seed);
  for (const host of world.hosts) {
    host.orders = template.orders(host.number);
    const folder = folders[host.number];
    const fate = fates?.[host.number];
    if (folder === undefined || fate === undefined) continue;
    host.folder = { ...folder, image: folder.image.copy() };
    host.suffer(fate);
  }
  world.network.links.cut(partition[1], APART_MS, false);
  for (const [place, number] of order.entries()) {
    world.scheduler.after(place * gapMs, () => world.hosts[number]?.start());
  }
  world.runUntil(APART_MS, () => false);
  world.runUntil(TOGETHER_MS, () => world.isWhole());
  return world;
}

/** What is wrong after a run; empty: nothing. */
function judge(combination: Combination, world: BootWorld): readonly string[] {
  const { template, fates } = combination;
  const wrong: string[] = [];
  const ids = world.liveIds();
  const known = folders[0]?.record ?? "";
  const count = (fate: Fate): number => fates?.filter((one) => one === fate).length ?? 0;
  const isNothingLeft = fates === undefined || isWiped(fates, 3);
  // Then the one that should not be is stopped once they meet.
  const mayMakeSecond = template.mayMiss?.(combination) === true;
  if (!mayMakeSecond && world.idsMax > 1) wrong.push(`${world.idsMax} cluster ids were alive at once`);
  if (!mayMakeSecond && world.careless.length > 0) wrong.push(`a cluster was made by ${world.careless.join("; ")}`);
  if (ids.length > 1) wrong.push(`${ids.length} cluster ids are alive in the end`);
  if (isNothingLeft) {
    if (template.canForm && !world.isWhole()) wrong.push("no cluster of three was made");
    if (world.created !== (template.canForm ? 1 : 0)) wrong.push(`${world.created} clusters were made`);
    return wrong;
  }
  if (count("intact") >= 2) {
    if (ids[0] !== known) wrong.push("the cluster is not the one that had a quorum");
    for (const { number, ended } of world.hosts) {
      if (ended === undefined && world.readAt(number) !== VALUE) wrong.push(`n${number} lacks the data`);
      if (ended !== undefined && !(mayMakeSecond && number === 0)) wrong.push(`n${number} ended: ${ended}`);
    }
  } else if (!mayMakeSecond && ids.some((id) => id !== known)) wrong.push("another cluster is alive");
  return wrong;
}

test("whatever nodes are told, have lost and can reach: never two clusters, and none beside a folder with data", () => {
  const all = combinations();
  const failures: string[] = [];
  let [count, whole, stopped, refused] = [0, 0, 0, 0];
  const prng = createPrng(FROM + 1);
  for (let at = FROM % STRIDE; at < all.length; at += STRIDE === 1 ? 1 : prng.between(1, 2 * STRIDE)) {
    const combination = all[at];
    if (combination === undefined) break;
    const world = run(combination, at + 1);
    count += 1;
    if (world.isWhole()) whole += 1;
    else if (world.hosts.some(({ ended }) => ended !== undefined)) stopped += 1;
    else refused += 1;
    const wrong = judge(combination, world);
    if (wrong.length > 0) failures.push(`${at}: ${nameOf(combination)}: ${wrong.join(", ")}`);
  }
  console.log(
    `figure: boot matrix: ${count} of ${all.length} combinations, ${whole} became or stayed one whole cluster, ` +
      `${stopped} stopped a node that was in the wrong cluster, ${refused} waited for the operator`,
  );
  expect(failures.slice(0, 20)).toEqual([]);
  // Else nothing was at stake.
  expect(Math.min(whole, stopped, refused)).toBeGreaterThan(0);
}, 1_800_000);
