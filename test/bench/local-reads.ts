import { cleanUp, startAgent } from "../e2e/agent-process.ts";
import { median, record, say, spread, type Bench } from "./bench.ts";
import { missingTools } from "./tools.ts";
import { wrk } from "./wrk.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 5);
const SECONDS = Number(process.env["SECONDS"] ?? 3);

/** Local reads beside a bare handler that gives the same bytes and headers, in a process of its own. */
export const localReads: Bench = {
  name: "local-reads",
  summary: "local reads, 64 clients, beside a bare Bun.serve with the same bytes and headers",
  run: async () => {
    if (missingTools(["wrk"]).length > 0) return say("local-reads: SKIPPED, there is no wrk");
    const node = await startAgent(["--dev"]);
    await fetch(`${node.url}/kv/k`, { method: "PUT", body: "v".repeat(100) });
    const sample = await fetch(`${node.url}/kv/k`);
    const headers = JSON.stringify(Object.fromEntries(sample.headers));
    const body = JSON.stringify(await sample.text());
    const program = `const headers = ${headers}; delete headers["content-length"]; delete headers.date;
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(${body}, { headers }) });
      console.log(server.port);`;
    const bare = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" });
    const { value } = await bare.stdout.getReader().read();
    const url = `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`;
    const [own, other]: [number[], number[]] = [[], []];
    for (const at of [node.url, url]) await wrk(at, { method: "GET", path: '"/kv/k"' }, { clients: 64, seconds: 5 });
    for (let round = 0; round < ROUNDS; round += 1) {
      own.push((await wrk(node.url, { method: "GET", path: '"/kv/k"' }, { clients: 64, seconds: SECONDS })).perSecond);
      other.push((await wrk(url, { method: "GET", path: '"/kv/k"' }, { clients: 64, seconds: SECONDS })).perSecond);
    }
    bare.kill();
    await cleanUp();
    const ratio = median(own) / median(other);
    say(
      `local reads, 64 clients: konsul ${spread(own)}/s, bare Bun.serve ${spread(other)}/s, ratio ${ratio.toFixed(2)} (aim ≥ 0.8)`,
    );
    record("local-reads", { konsul: median(own), bare: median(other), ratio });
  },
};
