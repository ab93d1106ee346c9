import { median, say, spread } from "./bench.ts";
import { cpuOf } from "./cpu.ts";
import { warmUp } from "./options.ts";
import type { Load } from "./wrk.ts";

export interface Shape {
  readonly clients: number;
  readonly seconds: number;
}

/** One of the systems that are measured in turn. */
export interface Contender {
  readonly name: string;
  /** Its processes. */
  readonly pids: () => readonly number[];
  /** The same before and after a load: the node that was asked led all the time. */
  readonly term: () => Promise<number>;
  readonly load: (shape: Shape) => Promise<Load>;
}

const TRIES = 10;
const CLIENTS = 64;
const WARM_REQUESTS = 40_000;

/** One load on one system, with what it cost. CPU time says more than throughput on a machine that others use too. */
export interface Sample extends Load {
  /** CPU time of all its processes for each request, in µs. */
  readonly cpuEach: number;
  /** The same of the load generator. */
  readonly generatorCpuEach: number;
}

/** A follower's redirects look like fast writes to the load generator, so a load with a leader change does not count. */
export async function sampled({ name, pids, term, load }: Contender, shape: Shape): Promise<Sample> {
  const cpu = (): number => pids().reduce((sum, pid) => sum + cpuOf(pid), 0);
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const [termBefore, before] = [await term(), cpu()];
    const done = await load(shape);
    const used = cpu() - before;
    if (done.requests > 0 && (await term()) === termBefore) {
      const generatorCpuEach = done.cpuMicros / done.requests;
      return { ...done, cpuEach: (used * 1e6) / done.requests, generatorCpuEach };
    }
    say(`${name}: the leader changed meanwhile, or nothing was answered: once more`);
  }
  throw new Error(`${name}: none of ${TRIES} loads was without a leader change: this machine is too busy`);
}

/** Until the hot paths are compiled, which takes requests, not time. */
export async function warm(contenders: readonly Contender[], clients = CLIENTS): Promise<void> {
  for (const { load } of contenders) {
    let requests = 0;
    for (let tries = 0; tries < TRIES && requests < WARM_REQUESTS; tries += 1) {
      requests += (await load({ clients, seconds: warmUp() })).requests;
    }
  }
}

/** In short rounds, each system in turn; who begins changes. The samples of each contender, by name. */
export async function inTurn(
  contenders: readonly Contender[],
  shape: Shape & { readonly rounds: number },
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < shape.rounds; round += 1) {
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      samples.get(contender.name)?.push(await sampled(contender, shape));
    }
  }
  return samples;
}

/** The median of the rounds' own ratios: both sides of each were measured within seconds of each other. */
export function ratios(
  own: readonly Sample[],
  other: readonly Sample[],
  of: (sample: Sample) => number,
): readonly number[] {
  return own.flatMap((sample, round) => {
    const peer = other[round];
    return peer === undefined ? [] : [of(sample) / of(peer)];
  });
}

export interface Verdict {
  readonly ratio: number;
  readonly line: Readonly<Record<string, unknown>>;
}

export interface Measured {
  readonly pair: readonly [Contender, Contender];
  readonly samples: ReadonlyMap<string, readonly Sample[]>;
  /** The least ratio of requests a second that we mean to reach. */
  readonly aim: number;
}

/** Prints one figure of two contenders as rows of a table, and gives what the history keeps. */
export function compare(figure: string, { pair, samples, aim }: Measured): Verdict {
  const [own, other] = [samples.get(pair[0].name) ?? [], samples.get(pair[1].name) ?? []];
  const each = ratios(own, other, ({ perSecond }) => perSecond);
  const ratio = median(each);
  const line: Record<string, unknown> = { ratio, ratios: each.map((one) => Number(one.toFixed(3))) };
  for (const [at, of] of [own, other].entries()) {
    const name = pair[at]?.name ?? "";
    const cpu = median(of.map(({ cpuEach }) => cpuEach));
    const generator = median(of.map(({ generatorCpuEach }) => generatorCpuEach));
    const perSecond = of.map((sample) => sample.perSecond);
    const failures = of.reduce((sum, sample) => sum + sample.failures, 0);
    say(
      row([
        figure,
        name,
        `${spread(perSecond)}/s`,
        `p50 ${spread(of.map(({ p50Ms }) => p50Ms))} ms`,
        `${cpu.toFixed(0)} µs CPU (+${generator.toFixed(0)} the load's)`,
        failures > 0 ? `${failures} FAILED` : "",
      ]),
    );
    line[name] = { perSecond: median(perSecond), cpuMicros: cpu, generatorMicros: generator, failures };
  }
  say(row([figure, "ratio", spread(each), `aim ≥ ${aim}: ${ratio >= aim ? "met" : "NOT met"}`]));
  return { ratio, line };
}

const WIDTHS = [30, 14, 24, 26, 32];

function row(cells: readonly string[]): string {
  return cells
    .map((cell, at) => cell.padEnd(WIDTHS[at] ?? 0))
    .join(" ")
    .trimEnd();
}
