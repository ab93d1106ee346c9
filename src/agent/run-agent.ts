import { VERSION, type Clock } from "../base/index.ts";
import { redact, type Config } from "../config/index.ts";
import { createLogger, RecentLines, type Logger } from "../telemetry/index.ts";
import { readLogLevelOnSignal, stopOnSignals, type ReadLogLevel } from "./signals.ts";
import { startAgent } from "./start-agent.ts";
import { createSystemClock } from "./system-clock.ts";

export interface AgentOptions {
  /** In memory: nothing is written to disk. */
  readonly isDev: boolean;
  readonly readLogLevel: ReadLogLevel;
}

function endNow(): never {
  process.exit(0);
}

/** Runs a node until it is told to stop. The exit code of the process. */
export async function runAgent(config: Config, options: AgentOptions): Promise<number> {
  const clock: Clock = createSystemClock();
  const recent = new RecentLines();
  const logger: Logger = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    now: () => clock.wall(),
    write: (line) => {
      recent.add(line);
      process.stderr.write(`${line}\n`);
    },
  });
  logger.debug("Settings", { settings: JSON.stringify(redact(config)) });
  logger.info("Konsul starts", { version: VERSION, pid: process.pid });
  readLogLevelOnSignal(logger, options.readLogLevel);
  // Nothing is acknowledged before the node has started: the end may come at once.
  process.on("SIGTERM", endNow).on("SIGINT", endNow);
  const started = await startAgent({ config, clock, logger, isDev: options.isDev, recentLines: () => recent.all() });
  if (!started.ok) {
    process.stderr.write(`konsul: ${started.error}\n`);
    return 1;
  }
  process.off("SIGTERM", endNow).off("SIGINT", endNow);
  const agent = started.value;
  logger.info("Listening", { http: `http://${config.host}:${agent.port}` });
  return stopOnSignals({ agent, clock, logger, shutdownMs: config.limits.shutdownTimeoutMs });
}
