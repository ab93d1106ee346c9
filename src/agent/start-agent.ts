import { err, ok, type Result } from "../base/index.ts";
import { createStartingApp, startHttpServer, WAITING_FOR_CLUSTER, type HttpServer } from "../http/index.ts";
import { httpTls, openTlsFiles, type CertificateFiles } from "./certificates.ts";
import { readKnownPeers } from "./known-peers.ts";
import type { NodeAgent } from "./start-application.ts";
import { startNode } from "./start-node.ts";
import type { StartOptions } from "./start-options.ts";

/** A running process: the HTTP port, and the node behind it. */
export interface Agent {
  readonly port: number;
  /** Ends the requests under way, hands over, closes the stores; by `deadline` at the latest. */
  stop(deadline: number): Promise<void>;
  /** The node cannot go on, and the process should end. */
  onHalt(listener: (reason: string) => void): void;
  /** Certificates are read again. */
  reload(): void;
  /** Somebody asked over HTTP that this node stops. */
  onStopRequest(listener: () => void): void;
}

/**
 * Listens, and starts the node. A node whose disk broke a promise is stopped and started anew in the same process,
 * where other members can be asked: a supervisor that starts the process again must not be what decides this. The error
 * is a sentence for the operator.
 */
export async function startAgent(options: StartOptions): Promise<Result<Agent, string>> {
  const files = openTlsFiles(options);
  if (!files.ok) return files;
  const server = listen(options, files.value);
  if (!server.ok) return server;
  const agent = new RestartingAgent(options, server.value, files.value);
  const started = await agent.start(undefined);
  if (started.ok) return ok(agent);
  await server.value.stop(true);
  return started;
}

function listen(options: StartOptions, files: CertificateFiles): Result<HttpServer, string> {
  const { host, port, rateLimit } = options.config;
  try {
    // From the first moment on: a node that waits for a cluster is alive, and says what it waits for.
    const isClientNeeded = rateLimit > 0;
    const waiting = createStartingApp(() => WAITING_FOR_CLUSTER);
    const server = startHttpServer(waiting, { host, port, isClientNeeded, ...httpTls(options, files.http) });
    files.http?.onChange(() => server.renewCertificates());
    return ok(server);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return err(`Cannot listen on ${host}:${port}: ${why}. Stop what uses it, or set another port`);
  }
}

/** One node after the other, behind one HTTP port. */
class RestartingAgent implements Agent {
  readonly #options: StartOptions;
  readonly #server: HttpServer;
  readonly #files: CertificateFiles;
  #node: NodeAgent | undefined;
  #onHalt: ((reason: string) => void) | undefined;
  #onStopRequest: (() => void) | undefined;

  constructor(options: StartOptions, server: HttpServer, files: CertificateFiles) {
    this.#options = options;
    this.#server = server;
    this.#files = files;
  }

  get port(): number {
    return this.#server.port;
  }

  async start(distrust: string | undefined): Promise<Result<undefined, string>> {
    let waiting = WAITING_FOR_CLUSTER;
    this.#server.serve(createStartingApp(() => waiting));
    const started = await startNode({
      ...this.#options,
      server: this.#server,
      files: this.#files,
      distrust,
      onWaiting: (now) => {
        waiting = now;
      },
    });
    if (!started.ok) return started;
    this.#node = started.value;
    started.value.onHalt((reason) => this.#onHalt?.(reason));
    started.value.onStopRequest(() => this.#onStopRequest?.());
    started.value.onUntrusted((reason) => void this.#startAnew(reason));
    return ok(undefined);
  }

  async stop(deadline: number): Promise<void> {
    const { clock } = this.#options;
    this.#node?.release();
    const requestsEnded = this.#server.stop(false);
    const late = new Promise<void>((resolve) => void clock.at(deadline, resolve));
    await Promise.race([requestsEnded, late]);
    await this.#server.stop(true);
    await this.#node?.stop(deadline);
  }

  onHalt(listener: (reason: string) => void): void {
    this.#onHalt = listener;
  }

  onStopRequest(listener: () => void): void {
    this.#onStopRequest = listener;
  }

  reload(): void {
    this.#files.http?.reload();
    this.#files.peer?.reload();
  }

  async #startAnew(reason: string): Promise<void> {
    const { config, clock, isDev } = this.#options;
    const node = this.#node;
    const hasOthers = config.raft.joinAddresses.length > 0 || readKnownPeers(config.dataDir).length > 0;
    // With nobody to ask this node stays as it is: alive, and telling everybody what is wrong.
    if (isDev || node === undefined || !config.raft.isEnabled || !hasOthers) return;
    this.#node = undefined;
    node.release();
    await node.stop(clock.now() + config.limits.shutdownTimeoutMs);
    const started = await this.start(reason);
    if (!started.ok) this.#onHalt?.(started.error);
  }
}
