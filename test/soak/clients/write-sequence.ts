import { readSurely, write, type ClientOptions } from "../request.ts";
import type { Sequence } from "./sequence.ts";

/** Writes the sequence number by number; a number whose outcome is unknown is looked for before the next one is tried. */
export async function writeSequence(options: ClientOptions, sequence: Sequence, pauseMs: number): Promise<void> {
  const { prng, tally, isOver } = options;
  let cas = 0;
  for (let number = 0; !isOver(); number += 1) {
    for (;;) {
      const answer = await write(options, "cas", `PUT /kv/${sequence.key}?cas=${cas}`, { body: String(number) });
      if (answer.status === 200) {
        cas = answer.fields.modify_index ?? 0;
        break;
      }
      // Not known, or refused as an attempt whose outcome was unknown has come through meanwhile.
      const found = await readSurely(options, sequence.key);
      if (found === undefined) return;
      if (found.index !== 0 && found.value === String(number)) {
        cas = found.index;
        break;
      }
      if (found.index !== cas)
        tally.violation(`${sequence.key} is ${found.value} at ${found.index}: nobody wrote that`);
      cas = found.index;
      await Bun.sleep(20);
    }
    sequence.acknowledge(number, cas);
    await Bun.sleep(prng.between(pauseMs / 2, pauseMs * 2));
  }
}
