import { againstEtcd } from "./against-etcd.ts";
import { say, type Bench } from "./bench.ts";
import { failover } from "./failover.ts";
import { footprint } from "./footprint.ts";
import { heartbeats } from "./heartbeats.ts";
import { localReads } from "./local-reads.ts";
import { startup } from "./startup.ts";
import { watchers } from "./watchers.ts";

const ALL: readonly Bench[] = [startup, failover, againstEtcd, localReads, footprint, heartbeats, watchers];

const names = process.argv.slice(2);
const unknown = names.filter((name) => !ALL.some((bench) => bench.name === name));
if (unknown.length > 0) {
  for (const { name, summary } of ALL) say(`${name}: ${summary}`);
  process.exit(2);
}
for (const bench of ALL) if (names.length === 0 || names.includes(bench.name)) await bench.run();
