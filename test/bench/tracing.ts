import { join } from "node:path";
import { tracked } from "../e2e/agent-process.ts";
import { patchedSource, type Patch } from "../e2e/sabotage/sabotaged-build.ts";
import { median, say, type Bench } from "./bench.ts";
import { record } from "./history.ts";
import { setting } from "./options.ts";

const SLICES = setting("SLICES", 400);
/** Processes: what is loaded first runs a little differently, so each source comes first in half of them. */
const PROCESSES = setting("PROCESSES", 4);
const TIMES = 100;

const repeat = (what: string): string => `for (let again = 0; again < ${TIMES}; again += 1) { ${what} }`;

/** Every hook of tracing on the way of a request once more, a hundred times; `hooked` keeps the compiler from leaving it out. */
export const HUNDREDFOLD: readonly Patch[] = [
  {
    file: "src/http/server.ts",
    line: "answer = deps.tracing === undefined ?",
    broken: `${repeat("const once = () => work(deps, target, call); globalThis.hooked = deps.tracing === undefined ? once : undefined;")} answer = deps.tracing === undefined ?`,
  },
  {
    file: "src/replica/replica.ts",
    line: 'const span = spanWithin(tracing, "raft.propose");',
    broken: `const span = spanWithin(tracing, "raft.propose"); ${repeat('globalThis.hooked = spanWithin(tracing, "raft.propose");')}`,
  },
  {
    file: "src/replica/replica.ts",
    line: "if (span !== undefined) endProposal(span, outcome, bytes.length);",
    broken: repeat("if (span !== undefined) endProposal(span, outcome, bytes.length); globalThis.hooked = span;"),
  },
  {
    file: "src/node/turn.ts",
    line: "if (effects.persist?.append !== undefined) observers.onAppend(effects.persist.append);",
    broken: repeat("if (effects.persist?.append !== undefined) observers.onAppend(effects.persist.append);"),
  },
  {
    file: "src/node/turn.ts",
    line: "if (isCommitNew) observers.onCommitted(effects.commit);",
    broken: repeat("if (isCommitNew) observers.onCommitted(effects.commit);"),
  },
  {
    file: "src/node/proposals.ts",
    line: "if (trace !== undefined) this.#observer.onTraced?.({ index, term, trace });",
    broken: repeat(
      "if (trace !== undefined) this.#observer.onTraced?.({ index, term, trace }); globalThis.hooked = trace;",
    ),
  },
];

/**
 * What the hooks cost while tracing is off is less than what two runs of the same code differ by. So a copy of the source
 * has every hook a hundred times more; both run in one process, in slices of a millisecond that take turns, and the
 * difference is divided by a hundred.
 */
export const tracing: Bench = {
  name: "tracing",
  summary: "what the hooks of tracing cost while it is off; SLICES=400 PROCESSES=4",
  run: async () => {
    const sources = [join(import.meta.dir, "..", ".."), patchedSource(HUNDREDFOLD)];
    const found = new Map<string, number[]>();
    for (let at = 0; at < PROCESSES; at += 1) {
      const isPatchedFirst = at % 2 === 1;
      for (const { load, medians } of await slices(isPatchedFirst ? sources.toReversed() : sources)) {
        const [own = NaN, hundredfold = NaN] = isPatchedFirst ? medians.toReversed() : medians;
        found.set(load, [...(found.get(load) ?? []), (hundredfold / own - 1) / TIMES]);
      }
    }
    for (const [load, costs] of found) {
      const [middle, most] = [median(costs), Math.max(...costs)];
      say(
        `tracing off, ${load}: its hooks take ${percent(middle)} of a request (median; most of ${costs.length} processes: ${percent(most)}; ` +
          `aim below 1 %), measured by a source that has them ${TIMES} times more`,
      );
      record("tracing", { load, cost: middle, most, slices: SLICES });
    }
  },
};

function percent(share: number): string {
  return `${(share * 100).toFixed(3)} %`;
}

interface Slices {
  readonly load: string;
  /** By source. */
  readonly medians: readonly number[];
}

async function slices(roots: readonly string[]): Promise<readonly Slices[]> {
  const command = [process.execPath, join(import.meta.dir, "tracing-slices.ts"), String(SLICES), ...roots];
  const child = tracked(Bun.spawn(command, { stdout: "pipe", stderr: "inherit" }));
  const text = await new Response(child.stdout).text();
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const told: Slices = JSON.parse(line);
      return told;
    });
}
