import { VERSION, type Clock } from "../base/index.ts";
import { redact, type Config } from "../config/index.ts";
import type { RaftNode } from "../node/index.ts";
import { openTracing, type Logger, type Tracing } from "../telemetry/index.ts";
import type { Peers } from "./peers.ts";
import { traceRaft } from "./trace-raft.ts";

/** A collector that is down is worth one line so often. */
const QUIET_MS = 60_000;

export interface StartTracing {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: RaftNode;
  readonly nodeId: string;
  readonly peers: Peers | undefined;
}

/** Nothing at all while tracing is off; otherwise what the application needs to trace, with the node traced already. */
export async function startTracing(options: StartTracing): Promise<{ readonly tracing?: Tracing }> {
  const { config, clock, logger, node, nodeId, peers } = options;
  const { isEnabled, endpoint, sampleRatio } = config.tracing;
  if (!isEnabled) return {};
  let quietUntil = -Infinity;
  const onFailure = (reason: string): void => {
    if (clock.now() < quietUntil) return;
    quietUntil = clock.now() + QUIET_MS;
    logger.warn("Traces cannot be sent: is there a collector at tracing.endpoint?", { reason });
  };
  const tracing = await openTracing({ endpoint, sampleRatio, nodeId, version: VERSION, onFailure });
  const hear = traceRaft({ tracing, node, clock, tell: (to, entries) => peers?.tellTraces(to, entries) });
  peers?.serveTraces(hear);
  logger.info("Tracing is on", { endpoint: redact(config).tracing.endpoint, sample_ratio: sampleRatio });
  return { tracing };
}
