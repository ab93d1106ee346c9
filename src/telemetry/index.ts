export { CATALOGUE, type MetricEntry, type MetricName } from "./catalogue.ts";
export { createLogger, type LogFields, type Logger, type LogLevel } from "./logger.ts";
export { Metrics, type BoundCounter, type Labels } from "./metrics.ts";
export { profileProcessor } from "./processor-profile.ts";
export { RecentLines } from "./recent-lines.ts";
export { observeProcess } from "./process-gauges.ts";
export { TracedEntries, type TracedEntry } from "./traced-entries.ts";
export { openTracing, type Span, type SpanFields, type Tracing, type TracingOptions } from "./tracing.ts";
