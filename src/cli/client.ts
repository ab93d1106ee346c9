import { readFileSync } from "node:fs";
import { parseDuration } from "../config/index.ts";
import { CommandFailed, Unreachable, UsageError, type Invocation } from "./command.ts";
import { toRecord } from "./json-record.ts";
import { serverEvents, type ServerEvent } from "./server-events.ts";
import { unreadable } from "./unreadable.ts";

/**
 * Each request has a connection of its own: the runtime sends one again by itself when a kept connection breaks, and the
 * second answer (a compare-and-set that finds its own write) would be taken for the first.
 */
const KEEPALIVE = false;
const REDIRECTS_MAX = 3;
const TLS_FILES = [
  { option: "ca", flag: "ca-cert", variable: "KONSUL_CA_CERT" },
  { option: "cert", flag: "client-cert", variable: "KONSUL_CLIENT_CERT" },
  { option: "key", flag: "client-key", variable: "KONSUL_CLIENT_KEY" },
] as const;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** The agent's HTTP API, as the client flags and variables say. */
export class Client {
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #timeoutMs: number;
  readonly #tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly #serverName: string | undefined;

  constructor({ flags }: Invocation) {
    const one = (name: string): string | undefined => flags.get(name)?.[0];
    const address = one("http-addr") ?? process.env["KONSUL_HTTP_ADDR"] ?? "http://127.0.0.1:8888";
    this.#base = (address.includes("://") ? address : `http://${address}`).replace(/\/+$/, "");
    if (!/^https?:$/.test(URL.parse(this.#base)?.protocol ?? ""))
      throw new UsageError(`--http-addr must be HOST:PORT or an http or https URL: it is "${address}"`);
    const tokenFile = one("token-file");
    this.#token =
      one("token") ??
      (tokenFile === undefined ? process.env["KONSUL_TOKEN"] : readText(tokenFile, "--token-file").trim());
    const written = one("timeout") ?? "10s";
    const timeout = parseDuration(written);
    if (!timeout.ok) throw new UsageError(`--timeout ${timeout.error}: it is "${written}"`);
    this.#timeoutMs = timeout.value;
    const tls = TLS_FILES.flatMap(({ option, flag, variable }) => {
      const [path, source] = one(flag) === undefined ? [process.env[variable], variable] : [one(flag), `--${flag}`];
      return path === undefined || path === "" ? [] : [[option, readText(path, source)] as const];
    });
    this.#tls = Object.fromEntries(tls);
    this.#serverName = one("tls-server-name");
  }

  /** Follows redirects to the leader itself, so that the token goes along. @throws CommandFailed */
  async request(method: string, path: string, body?: Uint8Array, type = "application/octet-stream"): Promise<Answer> {
    let url = `${this.#base}${path}`;
    for (let redirects = 0; ; redirects += 1) {
      const answer = await this.#fetch(method, url, body, type);
      const location = answer.headers.get("location");
      if (answer.status !== 307 || location === null || redirects >= REDIRECTS_MAX) return answer;
      url = location;
    }
  }

  /** The answer as JSON. @throws CommandFailed with the API's own message when it is no success */
  async json(
    method: string,
    path: string,
    body?: Uint8Array,
    type?: string,
  ): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.request(method, path, body, type);
    if (answer.status >= 300) throw failure(answer);
    return toRecord(answer.bytes);
  }

  /** The bytes of a long answer, as they come. @throws CommandFailed */
  async *download(path: string): AsyncGenerator<Uint8Array> {
    const { url, response } = await this.#stream("GET", path, undefined);
    const { status, body } = response;
    if (status >= 300 || body === null) throw failure(await this.#whole(url, response));
    try {
      yield* body;
    } catch (cause) {
      throw unreachable(url, cause, this.#timeoutMs);
    }
  }

  /** Sends a long body, to the leader. The answer as JSON. @throws CommandFailed */
  async upload(method: string, path: string, body: Blob): Promise<Readonly<Record<string, unknown>>> {
    const { url, response } = await this.#stream(method, path, body);
    const answer = await this.#whole(url, response);
    if (answer.status >= 300) throw failure(answer);
    return toRecord(answer.bytes);
  }

  async #stream(method: string, path: string, body: Blob | undefined): Promise<{ url: string; response: Response }> {
    let url = `${this.#base}${path}`;
    for (let redirects = 0; ; redirects += 1) {
      const headers: Record<string, string> = this.#token === undefined ? {} : { "X-Konsul-Token": this.#token };
      const sent = body === undefined ? {} : { body };
      let response: Response;
      try {
        response = await fetch(url, {
          method,
          headers,
          redirect: "manual",
          keepalive: KEEPALIVE,
          ...sent,
          ...this.#secure(url),
        });
      } catch (cause) {
        throw unreachable(url, cause, this.#timeoutMs);
      }
      const location = response.headers.get("location");
      if (response.status !== 307 || location === null || redirects >= REDIRECTS_MAX) return { url, response };
      url = location;
    }
  }

  /** Server-sent events until the stream ends. @throws CommandFailed */
  async *events(path: string): AsyncGenerator<ServerEvent> {
    const headers: Record<string, string> = this.#token === undefined ? {} : { "X-Konsul-Token": this.#token };
    const url = `${this.#base}${path}`;
    let response: Response;
    try {
      response = await fetch(url, { headers, ...this.#secure(url) });
    } catch (cause) {
      throw unreachable(url, cause, this.#timeoutMs);
    }
    const { status, body } = response;
    if (status >= 500) throw new Unreachable(`The agent answered with status ${status}`);
    if (status >= 300 || body === null) {
      throw failure(await this.#whole(url, response));
    }
    try {
      yield* serverEvents(body);
    } catch (cause) {
      throw unreachable(url, cause, this.#timeoutMs);
    }
  }

  async #fetch(method: string, url: string, body: Uint8Array | undefined, type: string): Promise<Answer> {
    const headers: Record<string, string> = {};
    if (this.#token !== undefined) headers["X-Konsul-Token"] = this.#token;
    if (body !== undefined) headers["Content-Type"] = type;
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers,
        redirect: "manual",
        keepalive: KEEPALIVE,
        signal: AbortSignal.timeout(this.#timeoutMs),
        ...(body === undefined ? {} : { body }),
        ...this.#secure(url),
      });
    } catch (cause) {
      throw unreachable(url, cause, this.#timeoutMs);
    }
    return this.#whole(url, response);
  }

  /** Who is reached by a redirect has another name than the agent that was named. */
  #secure(url: string): { readonly tls?: Bun.TLSOptions } {
    const isNamed = this.#serverName !== undefined && url.startsWith(`${this.#base}/`);
    const tls = isNamed ? { ...this.#tls, serverName: this.#serverName } : this.#tls;
    return Object.keys(tls).length === 0 ? {} : { tls };
  }

  /** An answer can break off behind its head, too. */
  async #whole(url: string, response: Response): Promise<Answer> {
    const { status, headers } = response;
    try {
      return { status, headers, bytes: new Uint8Array(await response.arrayBuffer()) };
    } catch (cause) {
      throw unreachable(url, cause, this.#timeoutMs);
    }
  }
}

export function failure(answer: Answer): CommandFailed {
  const body = toRecord(answer.bytes);
  const { message, error } = body;
  const code = typeof error === "string" ? ` (${error})` : "";
  return new CommandFailed(
    typeof message === "string" ? `${message}${code}` : `The agent answered with status ${answer.status}`,
  );
}

/** The runtime's own words ask whether the computer can access the URL. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["ConnectionRefused", "connection refused"],
  ["ECONNREFUSED", "connection refused"],
]);

/** There was a connection, so the agent may have got the request. */
const BROKEN: ReadonlySet<string> = new Set(["ECONNRESET", "ConnectionClosed"]);

function unreachable(url: string, cause: unknown, timeoutMs: number): Unreachable {
  const { origin } = new URL(url);
  if (cause instanceof Error && cause.name === "TimeoutError") {
    return new Unreachable(
      `No answer from ${origin} within ${timeoutMs} ms. A write may or may not have happened: look, or try again with a longer --timeout`,
    );
  }
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (BROKEN.has(code)) {
    return new Unreachable(
      `The connection to ${origin} broke before the whole answer was there. A write may or may not have happened: look, or try again${origin.startsWith("http:") ? ". If this agent has TLS: --http-addr https://…" : ""}`,
    );
  }
  const why = (REASONS.get(code) ?? (cause instanceof Error ? cause.message : String(cause))).replace(/\.$/, "");
  if (/CERT|VERIFY|ALTNAME/.test(code)) {
    return new Unreachable(
      `The certificate of the agent at ${origin} is not trusted (${why}). Name its authority with --ca-cert, and the agent by a name that is in the certificate, or that name with --tls-server-name`,
    );
  }
  return new Unreachable(
    `Cannot reach the agent at ${origin} (${why}). Start one with konsul agent, or name another with --http-addr`,
  );
}

function readText(path: string, source: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw unreadable(path, cause, source);
  }
}
