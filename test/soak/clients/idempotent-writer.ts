import { readSurely, write, type ClientOptions } from "../request.ts";

/** Repeats each write under its key until it is answered, on any node: it must have happened once, and say so each time. */
export async function writeIdempotently(options: ClientOptions, who: string): Promise<void> {
  const { prng, tally, isOver } = options;
  for (let count = 0; !isOver(); count += 1) {
    const key = `once/${who}-${count}`;
    const headers = { "Idempotency-Key": `${who}-${count}` };
    let first: number | undefined;
    let answers = 0;
    // The first answer, and a repetition now and then.
    const wanted = prng.chance(0.3) ? 2 : 1;
    while (answers < wanted && !isOver()) {
      const { status, fields } = await write(options, "idempotent put", `PUT /kv/${key}?cas=0`, { body: key, headers });
      if (status === 200) {
        answers += 1;
        first ??= fields.modify_index;
        if (fields.modify_index !== first) tally.violation(`${key} was written at ${first} and ${fields.modify_index}`);
      } else if (status === 409) {
        tally.violation(`${key} was refused, and nobody else writes it`);
        return;
      } else await Bun.sleep(50);
    }
    if (first !== undefined) {
      const found = await readSurely(options, key);
      if (found !== undefined && found.index !== first) {
        tally.violation(`${key} was written at ${first} and is found at ${found.index}`);
      }
      // What is left behind would make the state grow for as long as the run lasts.
      while (!isOver() && ![200, 404].includes((await write(options, "delete", `DELETE /kv/${key}`)).status))
        await Bun.sleep(50);
    }
    await Bun.sleep(prng.between(200, 600));
  }
}
