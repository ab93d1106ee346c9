import { read, type ClientOptions } from "../request.ts";
import type { Sequence } from "./sequence.ts";

const WAIT_S = 3;

/** Waits for changes on random nodes, and reads what was written, on other nodes than where it was written. */
export async function readBlocking(options: ClientOptions, sequence: Sequence): Promise<void> {
  const { tally, prng, isOver } = options;
  let known = 0;
  while (!isOver()) {
    if (prng.chance(0.3)) {
      await readOwnWrite(options, sequence);
      continue;
    }
    const path = `/kv/${sequence.key}?index=${known}&wait=${WAIT_S}s${prng.chance(0.3) ? "&consistent" : ""}`;
    const { status, fields } = await read(options, "blocking read", `GET ${path}`, { timeoutMs: (WAIT_S + 3) * 1000 });
    if (status !== 200) {
      await Bun.sleep(50);
      continue;
    }
    const index = fields.modify_index ?? 0;
    const wrong = sequence.contradiction(Number(fields.value), index);
    if (wrong !== undefined) tally.violation(`blocking read: ${wrong}`);
    known = Math.max(known, index);
  }
}

async function readOwnWrite(options: ClientOptions, sequence: Sequence): Promise<void> {
  const number = sequence.last;
  const index = sequence.indexOf(number);
  if (index === undefined) return Bun.sleep(20);
  const { status, fields } = await read(options, "read own write", `GET /kv/${sequence.key}?min_index=${index}`);
  if (status === 200 && Number(fields.value) < number) {
    options.tally.violation(`${sequence.key}: min_index=${index} gave ${fields.value}, ${number} was written before`);
  }
  return Bun.sleep(50);
}
