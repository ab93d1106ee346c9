/**
 * Which table should hold the state? Run by hand: `bun test/bench/state-table.ts [keys]`.
 * Each candidate runs in a process of its own, through the whole state machine: what is measured includes hash, size
 * and change feed. The figures and the decision are in `docs/adr/0002-state-table.md`.
 */
import { createPrng, unreachable, utf8, type Prng } from "../../src/base/index.ts";
import {
  createKonsulFsm,
  createPageTable,
  encodeCommand,
  type KonsulFsm,
  type TableFactory,
} from "../../src/fsm/index.ts";
import type { StateMachine } from "../../src/node/index.ts";
import { createBTreeTable } from "./tables/btree-table.ts";
import { createSqliteTable } from "./tables/sqlite-table.ts";

const CANDIDATES = ["pages", "btree", "sqlite"] as const;
type Candidate = (typeof CANDIDATES)[number];

const VALUE_BYTES = 100;
const PREFIX_KEYS = 1000;
const BATCH = 64;
const PART_BYTES = 64 * 1024;
const PHASE_MS = 6000;
const PHASE_MS_MAX = 30_000;

type Figures = Map<string, string>;

async function main(): Promise<void> {
  const [, , keysText, candidate] = process.argv;
  const keys = Number(keysText ?? 1_000_000);
  const known = CANDIDATES.find((name) => name === candidate);
  if (known !== undefined) {
    const figures = await measure(known, keys);
    process.stdout.write(`${[...figures].map((pair) => pair.join("\t")).join("\n")}\n`);
    return;
  }
  const columns = CANDIDATES.map((name) => runInChild(name, keys));
  const names = [...(columns[0]?.keys() ?? [])];
  process.stdout.write(`| ${keys} keys of 20 B, values of ${VALUE_BYTES} B | ${CANDIDATES.join(" | ")} |\n`);
  process.stdout.write(`| --- |${" ---: |".repeat(CANDIDATES.length)}\n`);
  for (const name of names) {
    process.stdout.write(`| ${name} | ${columns.map((column) => column.get(name) ?? "-").join(" | ")} |\n`);
  }
}

function runInChild(candidate: Candidate, keys: number): Figures {
  const child = Bun.spawnSync([process.execPath, import.meta.path, String(keys), candidate], { stderr: "inherit" });
  if (!child.success) throw new Error(`Candidate ${candidate} failed with exit code ${child.exitCode}`);
  const lines = child.stdout.toString().trim().split("\n");
  return new Map(lines.map((line): [string, string] => [line.split("\t")[0] ?? "", line.split("\t")[1] ?? ""]));
}

async function measure(candidate: Candidate, keys: number): Promise<Figures> {
  const figures: Figures = new Map();
  const world = new World(candidate);
  const rss = rssAfterGc();
  figures.set(
    "first set through apply, µs",
    perItem(keys, (i) => world.set(shuffled(i, keys))),
  );
  figures.set("memory, B per key", ((rssAfterGc() - rss) / keys).toFixed(0));
  const some = Math.min(keys, 200_000);
  figures.set(
    "get, µs",
    perItem(some, (i) => world.fsm.kv.get(keyOf(shuffled(i * 7, keys)))),
  );
  figures.set(
    "overwrite through apply, µs",
    perItem(some, (i) => world.set(shuffled(i * 13, keys))),
  );
  const lists = Math.max(1, Math.min(200, Math.floor(keys / PREFIX_KEYS)));
  figures.set(
    `list ${PREFIX_KEYS} keys by prefix, µs`,
    perItem(lists, (i) => world.list(i)),
  );
  await measurePauses(world, keys, figures);
  const before = performance.now();
  Bun.gc(true);
  figures.set("forced full GC, ms", (performance.now() - before).toFixed(0));
  measureRestart(candidate, world.fsm, figures);
  return figures;
}

/** A state machine with the candidate as its table. */
class World {
  readonly fsm: KonsulFsm;
  readonly #prng: Prng = createPrng(1);

  constructor(candidate: Candidate) {
    this.fsm = createKonsulFsm({ watchWindow: 1000, tables: factoryOf(candidate) });
  }

  set(i: number): void {
    const index = this.fsm.appliedIndex + 1;
    const value = new Uint8Array(VALUE_BYTES).fill(this.#prng.next() & 0xff);
    const data = encodeCommand({ kind: "kv-set", key: keyOf(i), value, flags: 0n });
    this.fsm.apply({ index, kind: "command", time: index, data });
  }

  list(i: number): void {
    const page = this.fsm.kv.list({ prefix: prefixOf(i), limit: PREFIX_KEYS });
    if (page.items.length === 0) throw new Error("A prefix must have keys");
  }
}

function factoryOf(candidate: Candidate): TableFactory {
  switch (candidate) {
    case "pages":
      return createPageTable;
    case "btree":
      return createBTreeTable;
    case "sqlite":
      return createSqliteTable;
    default:
      return unreachable(candidate);
  }
}

function perItem(count: number, run: (i: number) => void): string {
  const start = performance.now();
  for (let i = 0; i < count; i++) run(i);
  return (((performance.now() - start) / count) * 1000).toFixed(2);
}

function prefixOf(i: number): Uint8Array {
  return utf8(`svc/${String(i).padStart(4, "0")}/`);
}

/** Key number i: 20 bytes, 1,000 of them under one prefix. */
function keyOf(i: number): Uint8Array {
  const prefix = String(Math.floor(i / PREFIX_KEYS)).padStart(4, "0");
  return utf8(`svc/${prefix}/${String(i).padStart(11, "0")}`);
}

/** Visits every number below `count` once, in no order. */
function shuffled(i: number, count: number): number {
  return (i * 611_953) % count;
}

function rssAfterGc(): number {
  Bun.gc(true);
  Bun.gc(true);
  return process.memoryUsage.rss();
}

/** Writes in batches, a batch a turn of the loop, alternating phases with and without a snapshot under way. */
async function measurePauses(world: World, keys: number, figures: Figures): Promise<void> {
  const quiet: number[] = [];
  const busy: number[] = [];
  let snapshots = 0;
  let snapshotMs = 0;
  for (let round = 0; round < 2; round++) {
    await runTurns({ world, keys, gaps: quiet, isDone: () => true, each: () => undefined });
    let frozen = world.fsm.freeze();
    let startedAt = performance.now();
    await runTurns({
      world,
      keys,
      gaps: busy,
      isDone: () => snapshots > 0,
      each: () => {
        if (frozen.next(PART_BYTES) !== undefined) return;
        snapshots++;
        snapshotMs += performance.now() - startedAt;
        frozen.release();
        frozen = world.fsm.freeze();
        startedAt = performance.now();
      },
    });
    frozen.release();
  }
  figures.set("longest pause, no snapshot, ms", at(quiet, 1).toFixed(1));
  figures.set("longest pause, snapshots in slices, ms", at(busy, 1).toFixed(1));
  figures.set("99.9 % of turns, no snapshot, ms", at(quiet, 0.999).toFixed(1));
  figures.set("99.9 % of turns, snapshots, ms", at(busy, 0.999).toFixed(1));
  figures.set("half of the turns, no snapshot, ms", at(quiet, 0.5).toFixed(2));
  figures.set("half of the turns, snapshots, ms", at(busy, 0.5).toFixed(2));
  figures.set("one snapshot under writes, ms", snapshots === 0 ? "-" : (snapshotMs / snapshots).toFixed(0));
}

interface Turns {
  readonly world: World;
  readonly keys: number;
  readonly gaps: number[];
  /** A phase goes on until this holds, but not for ever. */
  readonly isDone: () => boolean;
  readonly each: () => void;
}

async function runTurns(turns: Turns): Promise<void> {
  const start = performance.now();
  let last = start;
  let i = 0;
  while (last < start + PHASE_MS || (!turns.isDone() && last < start + PHASE_MS_MAX)) {
    for (let n = 0; n < BATCH; n++) turns.world.set(shuffled(i++ * 3, turns.keys));
    turns.each();
    await new Promise((resolve) => setImmediate(resolve));
    const now = performance.now();
    turns.gaps.push(now - last);
    last = now;
  }
}

function at(gaps: readonly number[], part: number): number {
  const sorted = gaps.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function measureRestart(candidate: Candidate, source: KonsulFsm, figures: Figures): void {
  const frozen = source.freeze();
  const parts: Uint8Array[] = [];
  let start = performance.now();
  for (let part = frozen.next(PART_BYTES); part !== undefined; part = frozen.next(PART_BYTES)) parts.push(part);
  figures.set("encode all, nothing else running, ms", (performance.now() - start).toFixed(0));
  figures.set("encoded state, MB", (parts.reduce((sum, part) => sum + part.length, 0) / 1e6).toFixed(0));
  const claim = { ...frozen.moment, stateHash: frozen.stateHash, hashVersion: frozen.hashVersion };
  const fsm = new World(candidate).fsm;
  const machine: StateMachine = fsm;
  start = performance.now();
  machine.restoreStart();
  for (const part of parts) machine.restorePart(part);
  machine.restoreEnd(claim);
  figures.set("restart from a snapshot, ms", (performance.now() - start).toFixed(0));
  if (fsm.keyCount() !== source.keyCount()) throw new Error("A restored state must have all its keys");
}

await main();
