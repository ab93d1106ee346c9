import { compare, inTurn, warm, type Contender } from "./contest.ts";
import { record } from "./history.ts";
import { rounds, seconds } from "./options.ts";
import type { Running } from "./running.ts";
import { konsulSystem } from "./systems.ts";
import { wrk } from "./wrk.ts";

/** Our durable writes over HTTP. */
export function konsulWrites(running: Running, requests = konsulSystem.write): Contender {
  return {
    name: "konsul",
    pids: () => running.pids(),
    term: async () => running.term(),
    load: async (shape) => wrk(await running.leader(), requests, shape),
  };
}

/** Durable writes of 64 and 256 clients, both systems in turn. */
export async function writesBeside(bench: string, pair: readonly [Contender, Contender], aim: number): Promise<void> {
  await warm(pair);
  const line: Record<string, unknown> = { rounds: rounds(), seconds: seconds() };
  for (const clients of [64, 256]) {
    const samples = await inTurn(pair, { clients, seconds: seconds(), rounds: rounds() });
    const figure = `durable writes, ${clients} clients`;
    line[figure] = compare(figure, { pair, samples, aim }).line;
  }
  record(bench, line);
}
