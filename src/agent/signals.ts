import type { Clock, Result } from "../base/index.ts";
import type { Logger, LogLevel } from "../telemetry/index.ts";
import type { Agent } from "./start-agent.ts";

export interface SignalOptions {
  readonly agent: Agent;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly shutdownMs: number;
}

/** The error says why not. */
export type ReadLogLevel = () => Result<LogLevel, string>;

/** From the first moment on SIGHUP reads the log level again: a node that waits for others must not end at it. */
export function readLogLevelOnSignal(logger: Logger, read: ReadLogLevel): void {
  process.on("SIGHUP", () => {
    const level = read();
    if (!level.ok) return logger.warn("The log level stays: the settings cannot be read again", { why: level.error });
    logger.setLevel(level.value);
    logger.info("Read the log level again", { level: level.value });
  });
}

/**
 * Waits for the end: a first SIGTERM or SIGINT stops gracefully, a second one at once, SIGHUP looks at the certificates
 * again. The exit code: 0 after a stop that was asked for, 1 when the node had to give up.
 */
export async function stopOnSignals(options: SignalOptions): Promise<number> {
  const { agent, clock, logger, shutdownMs } = options;
  return new Promise((resolve) => {
    let isStopping = false;
    const finish = async (): Promise<void> => {
      await agent.stop(clock.now() + shutdownMs);
      logger.info("Stopped");
      resolve(0);
    };
    const stop = (signal: string): void => {
      if (isStopping) {
        logger.warn("Stopping at once", { signal });
        process.exit(1);
      }
      isStopping = true;
      logger.info("Stopping", { signal });
      void finish();
    };
    process.on("SIGTERM", () => stop("SIGTERM"));
    process.on("SIGINT", () => stop("SIGINT"));
    process.on("SIGHUP", () => agent.reload());
    agent.onStopRequest(() => stop("leave"));
    agent.onHalt((reason) => {
      process.stderr.write(`konsul: ${reason}\n`);
      resolve(1);
    });
  });
}
