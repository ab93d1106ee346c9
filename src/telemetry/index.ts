export { CATALOGUE, type MetricEntry, type MetricName } from "./catalogue.ts";
export { createLogger, type LogFields, type Logger, type LogLevel } from "./logger.ts";
export { Metrics, type BoundCounter, type Labels } from "./metrics.ts";
export { observeProcess } from "./process-gauges.ts";
