import { median, say } from "./bench.ts";
import type * as startModule from "../../src/agent/start-node.ts";
import type * as clockModule from "../../src/agent/system-clock.ts";
import { loadConfig } from "../../src/config/index.ts";
import type * as telemetry from "../../src/telemetry/index.ts";

const WARM_UP = 300;
const WRITES_AT_ONCE = 32;

interface App {
  readonly fetch: (request: Request, client: string) => Response | Promise<Response>;
}

/** Requests that take the way with the hooks: without tracing, those by their path alone pass none. */
const LOADS: Readonly<Record<string, (app: App) => Promise<unknown>>> = {
  reads: async (app) => {
    for (let at = 0; at < 50; at += 1) await app.fetch(new Request("http://localhost/kv?key=k"), "");
  },
  writes: async (app) => Promise.all(Array.from({ length: WRITES_AT_ONCE }, async () => app.fetch(put(), ""))),
};

function put(): Request {
  return new Request("http://localhost/kv?key=k", { method: "PUT", body: "vvvvvvvvvvvvvvvv" });
}

/** Sources to compare, in the order in which they are loaded; the median times of their slices go out. */
const [rounds = "0", ...roots] = process.argv.slice(2);
const apps: App[] = [];
for (const root of roots) apps.push(await openApp(root));
for (const [name, load] of Object.entries(LOADS)) {
  const times = roots.map((): number[] => []);
  for (let round = -WARM_UP; round < Number(rounds); round += 1) {
    for (let turn = 0; turn < apps.length; turn += 1) {
      // Each goes first as often as the others.
      const at = (turn + Math.abs(round)) % apps.length;
      const [app, took] = [apps[at], times[at]];
      if (app === undefined || took === undefined) continue;
      const from = Bun.nanoseconds();
      await load(app);
      if (round >= 0) took.push(Bun.nanoseconds() - from);
    }
  }
  say(JSON.stringify({ load: name, medians: times.map(median) }));
}
process.exit(0);

/** A single node in memory from this source, ready, without a port. */
async function openApp(root: string): Promise<App> {
  const start: typeof startModule = await import(`${root}/src/agent/start-node.ts`);
  const time: typeof clockModule = await import(`${root}/src/agent/system-clock.ts`);
  const { createLogger, Metrics }: typeof telemetry = await import(`${root}/src/telemetry/index.ts`);
  const config = loadConfig({ flags: new Map(), environment: {} });
  if (!config.ok) throw new Error("the defaults are no mistake");
  const clock = time.createSystemClock();
  let app: App | undefined;
  const started = await start.startNode({
    config: config.value,
    clock,
    logger: createLogger({ level: "error", format: "text", now: () => clock.wall(), write: say }),
    isDev: true,
    recentLines: () => [],
    server: {
      port: 0,
      serve: (given) => {
        app = given;
      },
      renewCertificates: () => undefined,
      stop: async () => Promise.resolve(),
    },
    files: { metrics: new Metrics(), http: undefined, peer: undefined },
    distrust: undefined,
    onWaiting: () => undefined,
  });
  if (!started.ok || app === undefined) throw new Error(started.ok ? "nothing serves" : started.error);
  while ((await app.fetch(put(), "")).status !== 200) await Bun.sleep(5);
  return app;
}
