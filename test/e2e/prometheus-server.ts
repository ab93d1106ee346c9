import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds since 1970, and the value as Prometheus writes it. */
  readonly values: readonly (readonly [number, string])[];
}

/** A real Prometheus that scrapes these nodes once a second, and has begun to. */
export interface PrometheusServer {
  /** What a panel would draw of the last so many seconds. */
  range(query: string, seconds: number): Promise<readonly Series[]>;
  /** The answer's `data` of any other route. */
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

export interface Scraped {
  readonly job: string;
  /** URLs of the agents. */
  readonly nodes: readonly string[];
  readonly ruleFiles: readonly string[];
}

export async function startPrometheus({ job, nodes, ruleFiles }: Scraped): Promise<PrometheusServer> {
  const folder = temporaryFolder();
  const [port = 0] = freePorts(1);
  const config = join(folder, "prometheus.yml");
  // JSON is YAML.
  const settings = {
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: ruleFiles,
    scrape_configs: [{ job_name: job, static_configs: [{ targets: nodes.map((url) => new URL(url).host) }] }],
  };
  writeFileSync(config, JSON.stringify(settings));
  const flags = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, "tsdb")}`];
  const child = Bun.spawn(["prometheus", ...flags, `--web.listen-address=127.0.0.1:${port}`], {
    stdout: "ignore",
    stderr: "ignore",
  });
  const base = `http://127.0.0.1:${port}`;
  while ((await fetch(`${base}/-/ready`).catch(() => undefined))?.status !== 200) {
    if (child.exitCode !== null) throw new Error("Prometheus ended before it was ready");
    await Bun.sleep(50);
  }
  const get = async (path: string): Promise<unknown> => {
    const answer: { readonly status?: string; readonly data?: unknown; readonly error?: string } = Object(
      await (await fetch(`${base}${path}`)).json(),
    );
    if (answer.status !== "success") throw new Error(`Prometheus refused ${path}: ${answer.error ?? ""}`);
    return answer.data;
  };
  // It is ready some seconds before it knows whom to scrape.
  while ((await hosts(get)) < nodes.length) await Bun.sleep(50);
  return {
    get,
    range: async (query, seconds) => {
      const end = Date.now() / 1000;
      const terms = new URLSearchParams({ query, start: String(end - seconds), end: String(end), step: "1" });
      const found: { readonly result?: readonly Series[] } = Object(
        await get(`/api/v1/query_range?${terms.toString()}`),
      );
      return found.result ?? [];
    },
    stop: async () => {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** Of how many nodes it has heard. */
async function hosts(get: PrometheusServer["get"]): Promise<number> {
  const { result }: { readonly result?: readonly unknown[] } = Object(await get("/api/v1/query?query=up==1"));
  return result?.length ?? 0;
}
