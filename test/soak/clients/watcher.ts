import { send, type ClientOptions } from "../request.ts";
import type { WatchJudge } from "./watch-judge.ts";

const STREAM_MS_MAX = 20_000;

/** Reads the feed under a prefix, going on at another node whenever a stream ends, and now and then without a reason. */
export async function watchAll(
  options: ClientOptions,
  { prefix, from, judge }: { readonly prefix: string; readonly from: number; readonly judge: WatchJudge },
): Promise<void> {
  const { urls, prng, tally, isOver } = options;
  let lastId = String(from);
  while (!isOver()) {
    const url = prng.pick(urls);
    const signal = AbortSignal.timeout(prng.between(STREAM_MS_MAX / 10, STREAM_MS_MAX));
    try {
      const headers = { "Last-Event-ID": lastId };
      const answer = await fetch(`${url}/watch?prefix=${prefix}`, { headers, signal });
      tally.count("watch", answer.status === 200 ? "done" : "not-done");
      let rest = "";
      for await (const chunk of answer.body ?? []) {
        rest += Buffer.from(chunk).toString();
        const blocks = rest.split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) lastId = take(tally, judge, block) ?? lastId;
      }
    } catch {
      // The stream was cut, by the node's end or by the clock above: what counts is what comes next.
    }
    await Bun.sleep(50);
  }
}

/** The id to go on from. */
function take(tally: ClientOptions["tally"], judge: WatchJudge, block: string): string | undefined {
  const [, name = "", id = "", data = ""] = /^event: (.*)\nid: (.*)\ndata: (.*)$/.exec(block) ?? [];
  if (name === "" || name === "end") return undefined;
  const { key = "", value = "" }: { readonly key?: string; readonly value?: string } = Object(JSON.parse(data));
  const index = Number(id.split(".")[0]);
  if (name === "reset") tally.note("resets told to watchers");
  else tally.note("events seen by watchers");
  const wrong =
    name === "put"
      ? judge.put(key, Number(value), index)
      : name === "reset"
        ? judge.reset(index)
        : `an unexpected ${name} of ${key}`;
  if (wrong !== undefined) tally.violation(`watch: ${wrong}`);
  return id;
}

/** The index up to which everything is known now. */
export async function knownIndex(url: string): Promise<number> {
  for (;;) {
    const answer = await send(url, "PUT /kv/soak-begins", { body: "x" });
    if (answer.status === 200) return answer.fields.modify_index ?? 0;
    await Bun.sleep(50);
  }
}
