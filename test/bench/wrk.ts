import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder, tracked } from "../e2e/agent-process.ts";
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

/**
 * What each request of a single client took. wrk's own percentiles hold more requests than there were: for one that took long
 * it adds those that might have been sent meanwhile, every so often as the mean says. So the slow ones of a fast
 * system count for more than those of a slow one. A single client sends the next request when it has the answer, so that
 * the time in between is what the one before took. The first call only tries the script.
 */
const ONE_CLIENT = `
local ffi = require("ffi")
ffi.cdef[[ struct bench_time { long seconds; long nanos; }; int clock_gettime(int, struct bench_time *); ]]
local clock = ffi.new("struct bench_time")
local function micros() ffi.C.clock_gettime(1, clock) return tonumber(clock.seconds) * 1e6 + tonumber(clock.nanos) / 1e3 end
took = {}
local make, calls, sent = request, 0, 0
function request()
  if calls > 1 then took[calls - 1] = micros() - sent end
  calls = calls + 1
  local made = make()
  sent = micros()
  return made
end
local worker
function setup(thread) worker = thread end
function done()
  local all = worker:get("took")
  table.sort(all)
  for _, share in ipairs({ 50, 99 }) do
    print(string.format("one client: %d%% %.1fus", share, all[math.floor(#all * share / 100) + 1] or 0 / 0))
  end
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
  const folder = temporaryFolder("konsul-wrk");
  const script = join(folder, "load.lua");
  writeFileSync(script, scriptOf(requests, clients));
  const child = tracked(
    Bun.spawn(
      ["wrk", "-t1", `-c${clients}`, `-d${seconds}s`, "--latency", `--timeout=${TIMEOUT_SECONDS}s`, "-s", script, url],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    ),
  );
  const ended = summaryOf(child).finally(() => rmSync(folder, { recursive: true, force: true }));
  return {
    ended,
    stop: async () => {
      child.kill("SIGINT");
      return ended;
    },
  };
}

/** Its random numbers begin elsewhere each time: else every load would write the same few of many keys. */
function scriptOf({ method, path, body = "nil", json = false }: Requests, clients: number): string {
  return [
    `math.randomseed(${Math.floor(Math.random() * 2 ** 31)})`,
    BASE64,
    json ? 'wrk.headers["Content-Type"] = "application/json"' : "",
    `function request() return wrk.format("${method}", ${path}, nil, ${body}) end`,
    clients === 1 ? ONE_CLIENT : "",
  ].join("\n");
}

async function summaryOf(child: Bun.Subprocess<"ignore", "pipe", "pipe">): Promise<Load> {
  const [text, problems] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  const counted = countedIn(text);
  if (code !== 0 || counted === undefined) throw new Error(`wrk ended with ${code}: ${problems.trim()} ${text.trim()}`);
  return { ...counted, cpuMicros: Number(child.resourceUsage()?.cpuTime.total ?? NaN) };
}

/** What wrk's summary says; undefined when there is none. */
export function countedIn(text: string): Omit<Load, "cpuMicros"> | undefined {
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? NaN);
  const answers = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? NaN);
  if (Number.isNaN(requests) || Number.isNaN(answers)) return undefined;
  return {
    perSecond: requests === 0 ? 0 : answers * (1 - failed / requests),
    requests,
    p50Ms: millisecondsOf(50, text),
    p99Ms: millisecondsOf(99, text),
    failures: failed + errors.reduce((sum, one) => sum + Number(one), 0),
  };
}

/** That of a single client where there is one, else wrk's own. */
function millisecondsOf(percent: number, text: string): number {
  const [, value, unit] =
    new RegExp(`one client: ${percent}% ([\\d.]+)(us)`).exec(text) ??
    new RegExp(`^ +${percent}% +([\\d.]+)(us|ms|s)$`, "m").exec(text) ??
    [];
  const factor = unit === "us" ? 0.001 : unit === "s" ? 1000 : 1;
  return Number(value ?? NaN) * factor;
}
