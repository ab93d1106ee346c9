import { cleanUp } from "../e2e/agent-process.ts";
import { againstEtcd } from "./against-etcd.ts";
import { complain, say, type Bench } from "./bench.ts";
import { leaveNothingBehind, wasCutShort } from "./cut.ts";
import { failover } from "./failover.ts";
import { floor } from "./floor.ts";
import { footprint } from "./footprint.ts";
import { growth } from "./growth.ts";
import { grpc } from "./grpc.ts";
import { heartbeats } from "./heartbeats.ts";
import { localReads } from "./local-reads.ts";
import { mistakes, options } from "./options.ts";
import { prototype } from "./prototype.ts";
import { snapshot } from "./snapshot.ts";
import { startup } from "./startup.ts";
import { buildKonsul, warnOfMemoryDisk } from "./tools.ts";
import { tracing } from "./tracing.ts";
import { watchers } from "./watchers.ts";

const ALL: readonly Bench[] = [
  startup,
  failover,
  againstEtcd,
  grpc,
  prototype,
  floor,
  localReads,
  footprint,
  snapshot,
  growth,
  heartbeats,
  watchers,
  tracing,
];

const USAGE = `bun run bench [NAME...] [--rounds N] [--seconds S] [--warm-up S]

--rounds   how often each figure is taken (5); the figure is the median
--seconds  of one load (3)
--warm-up  seconds of load before the first figure (20)

Without a name all of them run one after the other, which takes most of an hour:

${ALL.map(({ name, summary }) => `${name.padEnd(12)} ${summary}`).join("\n")}`;

process.exitCode = await main();

async function main(): Promise<number> {
  if (options.isHelpWanted) {
    say(USAGE);
    return 0;
  }
  const unknown = options.wanted.filter((name) => !ALL.some((bench) => bench.name === name));
  const wrong = [...mistakes(), ...unknown.map((name) => `There is no benchmark "${name}"`)];
  if (wrong.length > 0) {
    complain(`${wrong.join("\n")}\n\n${USAGE}`);
    return 2;
  }
  leaveNothingBehind();
  // As the systemd unit and the image have it; the prototype and the bare handler get it, too.
  process.env["MIMALLOC_PURGE_DELAY"] ??= "-1";
  const build = buildKonsul();
  if (build === undefined) return 1;
  say(build);
  warnOfMemoryDisk();
  let code = 0;
  for (const bench of ALL) {
    if (options.wanted.length > 0 && !options.wanted.includes(bench.name)) continue;
    if (!(await hasRun(bench))) code = 1;
  }
  return code;
}

/** One that fails takes nothing from the others. */
async function hasRun(bench: Bench): Promise<boolean> {
  try {
    await bench.run();
    return true;
  } catch (cause) {
    if (!wasCutShort()) complain(`${bench.name}: FAILED: ${cause instanceof Error ? cause.message : String(cause)}`);
    return false;
  } finally {
    await cleanUp();
  }
}
