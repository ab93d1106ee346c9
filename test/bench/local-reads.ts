import { startAgent, tracked } from "../e2e/agent-process.ts";
import { say, type Bench } from "./bench.ts";
import { compare, inTurn, warm, type Contender, type Sample } from "./contest.ts";
import { record } from "./history.ts";
import { rounds, seconds } from "./options.ts";
import { missingTools } from "./tools.ts";
import { wrk } from "./wrk.ts";

/**
 * Local reads beside a bare handler that gives the same bytes and headers, in a process of its own. Each round has new
 * processes, as two of the same program may differ for as long as they live.
 */
export const localReads: Bench = {
  name: "local-reads",
  summary: "local reads, 64 clients, beside a bare Bun.serve with the same bytes and headers",
  run: async () => {
    if (missingTools(["wrk"]).length > 0) return say("local-reads: SKIPPED, there is no wrk");
    const samples = new Map<string, Sample[]>();
    let pair: readonly [Contender, Contender] | undefined;
    for (let round = 0; round < rounds(); round += 1) {
      const { contenders, stop } = await startBoth();
      pair = contenders;
      const inOrder = round % 2 === 0 ? contenders : contenders.toReversed();
      await warm(inOrder);
      for (const [name, [sample]] of await inTurn(inOrder, { clients: 64, seconds: seconds(), rounds: 1 })) {
        if (sample !== undefined) samples.set(name, [...(samples.get(name) ?? []), sample]);
      }
      await stop();
    }
    if (pair === undefined) return;
    const { line } = compare("local reads, 64 clients", { pair, samples, aim: 0.8 });
    record("local-reads", { rounds: rounds(), seconds: seconds(), ...line });
  },
};

interface Both {
  readonly contenders: readonly [Contender, Contender];
  readonly stop: () => Promise<void>;
}

async function startBoth(): Promise<Both> {
  const node = await startAgent(["--dev"]);
  await fetch(`${node.url}/kv/k`, { method: "PUT", body: "v".repeat(100) });
  const sample = await fetch(`${node.url}/kv/k`);
  const headers = JSON.stringify(Object.fromEntries(sample.headers));
  const body = JSON.stringify(await sample.text());
  const program = `const headers = ${headers}; delete headers["content-length"]; delete headers.date;
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(${body}, { headers }) });
    console.log(server.port);`;
  const bare = tracked(Bun.spawn([process.execPath, "-e", program], { stdout: "pipe" }));
  const { value } = await bare.stdout.getReader().read();
  const url = `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`;
  const contender = (name: string, at: string, pid: number): Contender => ({
    name,
    pids: () => [pid],
    term: async () => Promise.resolve(0),
    load: async (shape) => wrk(at, { method: "GET", path: '"/kv/k"' }, shape),
  });
  return {
    contenders: [contender("konsul", node.url, node.child.pid), contender("bare Bun.serve", url, bare.pid)],
    stop: async () => {
      for (const child of [node.child, bare]) {
        child.kill("SIGKILL");
        await child.exited;
      }
    },
  };
}
