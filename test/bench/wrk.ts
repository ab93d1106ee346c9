import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Requests } from "./systems.ts";

/** As patient as a client of ours: large values on a busy machine take longer than wrk's own two seconds. */
const TIMEOUT_SECONDS = 30;

export interface Load {
  /** Successes only. */
  readonly perSecond: number;
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than success, and requests without one. */
  readonly failures: number;
  /** What the load generator itself used. */
  readonly cpuMicros: number;
}

const BASE64 = `
local abc = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
function b64(s)
  local out = {}
  for i = 1, #s, 3 do
    local a, b, c = s:byte(i, i + 2)
    local n = a * 65536 + (b or 0) * 256 + (c or 0)
    local function ch(k) local x = math.floor(n / 64 ^ k) % 64 + 1 return abc:sub(x, x) end
    out[#out + 1] = ch(3) .. ch(2) .. (b and ch(1) or "=") .. (c and ch(0) or "=")
  end
  return table.concat(out)
end
`;

/** The same external load generator for every system: HTTP keep-alive, one thread, so many connections. */
export async function wrk(
  url: string,
  requests: Requests,
  { clients, seconds }: { readonly clients: number; readonly seconds: number },
): Promise<Load> {
  return startWrk(url, requests, { clients, seconds }).ended;
}

export interface RunningLoad {
  readonly ended: Promise<Load>;
  /** Ends it before its time. */
  stop(): Promise<Load>;
}

/** A load that goes on while something else happens. */
export function startWrk(
  url: string,
  requests: Requests,
  { clients, seconds }: { readonly clients: number; readonly seconds: number },
): RunningLoad {
  const folder = mkdtempSync(join(tmpdir(), "konsul-wrk-"));
  const script = join(folder, "load.lua");
  const { method, path, body, json } = requests;
  const type = json === true ? 'wrk.headers["Content-Type"] = "application/json"' : "";
  const sent = body === undefined ? "nil" : body;
  writeFileSync(
    script,
    `${BASE64}${type}\nfunction request() return wrk.format("${method}", ${path}, nil, ${sent}) end\n`,
  );
  const child = Bun.spawn(
    ["wrk", "-t1", `-c${clients}`, `-d${seconds}s`, "--latency", "--timeout", `${TIMEOUT_SECONDS}s`, "-s", script, url],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const ended = summaryOf(child).finally(() => rmSync(folder, { recursive: true }));
  return {
    ended,
    stop: async () => {
      child.kill("SIGINT");
      return ended;
    },
  };
}

async function summaryOf(child: Bun.Subprocess<"ignore", "pipe", "pipe">): Promise<Load> {
  const text = await new Response(child.stdout).text();
  await child.exited;
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1];
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? NaN);
  const answers = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? NaN);
  return {
    perSecond: answers * (1 - Number(failed ?? 0) / requests),
    requests,
    p50Ms: milliseconds(/50%\s+([\d.]+\w+)/.exec(text)?.[1]),
    p99Ms: milliseconds(/99%\s+([\d.]+\w+)/.exec(text)?.[1]),
    failures: Number(failed ?? 0) + errors.reduce((sum, one) => sum + Number(one), 0),
    cpuMicros: Number(child.resourceUsage()?.cpuTime.total ?? NaN),
  };
}

function milliseconds(text = ""): number {
  const match = /^([\d.]+)(us|ms|s)$/.exec(text);
  const factor = match?.[2] === "us" ? 0.001 : match?.[2] === "s" ? 1000 : 1;
  return Number(match?.[1] ?? NaN) * factor;
}
