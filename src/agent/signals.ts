import type { Clock } from "../base/index.ts";
import type { Logger, LogLevel } from "../telemetry/index.ts";
import type { Agent } from "./start-agent.ts";

export interface SignalOptions {
  readonly agent: Agent;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly shutdownMs: number;
  readonly readLogLevel: () => LogLevel | undefined;
}

/**
 * Waits for the end: a first SIGTERM or SIGINT stops gracefully, a second one at once, SIGHUP reads the log level
 * again. The exit code: 0 after a stop that was asked for, 1 when the node had to give up.
 */
export async function stopOnSignals(options: SignalOptions): Promise<number> {
  const { agent, clock, logger, shutdownMs, readLogLevel } = options;
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
    process.on("SIGHUP", () => {
      agent.reload();
      const level = readLogLevel();
      if (level === undefined) return logger.warn("The settings cannot be read again; nothing was changed");
      logger.setLevel(level);
      logger.info("Read the log level again", { level });
    });
    agent.onStopRequest(() => stop("leave"));
    agent.onHalt((reason) => {
      process.stderr.write(`konsul: ${reason}\n`);
      resolve(1);
    });
  });
}
