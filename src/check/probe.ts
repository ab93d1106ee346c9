import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { ActiveCheck, CheckStatus } from "../fsm/index.ts";
import type { AllowedNetworks } from "./allowed-networks.ts";
import { parseTarget, type Target } from "./target.ts";

export interface ProbeResult {
  readonly status: CheckStatus;
  /** One line for people, at most 512 bytes. */
  readonly output: string;
}

/** Runs a check once; never throws, and takes no longer than its timeout. */
export type Probe = (check: ActiveCheck) => Promise<ProbeResult>;

const BODY_BYTES_MAX = 256;
const OUTPUT_BYTES_MAX = 512;
const TOO_MANY_REQUESTS = 429;

export function createProbe(networks: AllowedNetworks): Probe {
  return async (check) => {
    const signal = AbortSignal.timeout(check.timeoutMs);
    try {
      return await Promise.race([probe(networks, check, signal), expire(signal, check.timeoutMs)]);
    } catch (cause) {
      return critical(cause instanceof Error ? cause.message : String(cause));
    }
  };
}

async function probe(networks: AllowedNetworks, check: ActiveCheck, signal: AbortSignal): Promise<ProbeResult> {
  const target = parseTarget(check.kind, check.target);
  if (target === undefined) return critical(`${check.target} is no target of a ${check.kind} check`);
  const { host } = target;
  const addresses = isIP(host) === 0 ? await resolve(host) : [host];
  // The very address that was looked at is connected to: a name cannot mean another one a moment later.
  const address = addresses.find((one) => networks.allows(one));
  if (address === undefined) return critical(`${host} is ${addresses.join(", ")}: in no network of checks.allow`);
  return target.url === undefined
    ? connect(address, target.port, signal)
    : request(target.url, address, { target, signal });
}

async function resolve(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new Error(`${host} has no address`, { cause });
  }
}

async function connect(hostname: string, port: number, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((done) => {
    const fail = (why: string): void => done(critical(`tcp ${hostname}:${port}: ${why}`));
    void Bun.connect({
      hostname,
      port,
      socket: {
        open: (socket) => {
          socket.terminate();
          done({ status: "passing", output: `tcp ${hostname}:${port}: connected` });
        },
        // A connection that comes too late is given back at once by `open`; there is nothing to read.
        data: () => undefined,
        connectError: (_socket, error) => fail(error.message),
      },
    }).catch((cause: unknown) => fail(cause instanceof Error ? cause.message : String(cause)));
    signal.addEventListener("abort", () => fail("no connection in time"));
  });
}

/** 2xx passes, 429 is a warning, everything else is critical; redirects are not followed, as they lead elsewhere. */
async function request(
  url: URL,
  address: string,
  { target, signal }: { readonly target: Target; readonly signal: AbortSignal },
): Promise<ProbeResult> {
  const there = new URL(url);
  there.hostname = isIP(address) === 6 ? `[${address}]` : address;
  const answer = await fetch(there, {
    headers: { host: url.host, "user-agent": "konsul-check" },
    redirect: "manual",
    keepalive: false,
    signal,
    ...(url.protocol === "https:" ? { tls: { serverName: target.host } } : {}),
  });
  const body = await beginningOf(answer);
  const output = bounded(`HTTP ${answer.status} ${answer.statusText}: ${body}`);
  if (answer.ok) return { status: "passing", output };
  return { status: answer.status === TOO_MANY_REQUESTS ? "warning" : "critical", output };
}

async function beginningOf({ body }: Response): Promise<string> {
  if (body === null) return "";
  for await (const part of body) return new TextDecoder().decode(toBytes(part).subarray(0, BODY_BYTES_MAX));
  return "";
}

function toBytes(part: unknown): Uint8Array {
  return part instanceof Uint8Array ? part : new Uint8Array();
}

async function expire(signal: AbortSignal, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((done) => {
    signal.addEventListener("abort", () => done(critical(`no answer within ${timeoutMs} ms`)));
  });
}

function critical(output: string): ProbeResult {
  return { status: "critical", output: bounded(output) };
}

/** One line, without what confuses a terminal. */
function bounded(text: string): string {
  const line = text.replace(/[\p{C}\s]+/gu, " ").trim();
  return new TextDecoder().decode(new TextEncoder().encode(line).subarray(0, OUTPUT_BYTES_MAX)).replace(/\uFFFD+$/, "");
}
