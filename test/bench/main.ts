import { againstEtcd } from "./against-etcd.ts";
import { say, type Bench } from "./bench.ts";
import { failover } from "./failover.ts";
import { footprint } from "./footprint.ts";
import { growth } from "./growth.ts";
import { heartbeats } from "./heartbeats.ts";
import { floor } from "./floor.ts";
import { grpc } from "./grpc.ts";
import { localReads } from "./local-reads.ts";
import { wanted } from "./options.ts";
import { prototype } from "./prototype.ts";
import { snapshot } from "./snapshot.ts";
import { startup } from "./startup.ts";
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

const unknown = wanted.filter((name) => !ALL.some((bench) => bench.name === name));
if (unknown.length > 0) {
  for (const { name, summary } of ALL) say(`${name}: ${summary}`);
  process.exit(2);
}
for (const bench of ALL) if (wanted.length === 0 || wanted.includes(bench.name)) await bench.run();
