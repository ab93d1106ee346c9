import { AsyncLocalStorage } from "node:async_hooks";
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Tracer,
} from "@opentelemetry/api";
import type { Span as LibrarySpan } from "@opentelemetry/api";
import { getNumberFromEnv, parseTraceParent, setGlobalErrorHandler } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Span, SpanFields, SpanStart, Tracing, TracingOptions } from "./tracing.ts";

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT };
/** Spans that wait for the collector; above it they are dropped, never the requests behind them. */
const QUEUE_MAX = 8192;

/** Tracing by OpenTelemetry's own SDK. The variables of its exporter (headers, certificates, time-out) hold, too. */
export function createTracing(options: TracingOptions): Tracing {
  const { endpoint, sampleRatio, nodeId, version, onFailure } = options;
  setGlobalErrorHandler((cause) => onFailure(reasonOf(cause)));
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "konsul", "service.version": version }))
      .merge(resourceFromAttributes({ "service.instance.id": nodeId }))
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: endpoint }),
        maxQueueSize: getNumberFromEnv("OTEL_BSP_MAX_QUEUE_SIZE") ?? QUEUE_MAX,
        maxExportBatchSize: getNumberFromEnv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") ?? 512,
        scheduledDelayMillis: getNumberFromEnv("OTEL_BSP_SCHEDULE_DELAY") ?? 1000,
        exportTimeoutMillis: getNumberFromEnv("OTEL_BSP_EXPORT_TIMEOUT") ?? 10_000,
      }),
    ],
  });
  return new OpenTelemetry(provider, provider.getTracer("konsul", version), nodeId);
}

/** The library's errors can be JSON of a whole HTTP answer: one line is enough. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split("\n", 1).join("").slice(0, 200);
}

class OpenTelemetry implements Tracing {
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #nodeId: string;
  readonly #active = new AsyncLocalStorage<Span>();

  constructor(provider: TracerProvider, tracer: Tracer, nodeId: string) {
    this.#provider = provider;
    this.#tracer = tracer;
    this.#nodeId = nodeId;
  }

  start(name: string, { parent, kind, fields, startedAt }: SpanStart): Span {
    const options = {
      attributes: { ...fields, "konsul.node.id": this.#nodeId },
      ...(kind === undefined ? {} : { kind: KINDS[kind] }),
      ...(startedAt === undefined ? {} : { startTime: startedAt }),
    };
    return new RecordedSpan(this.#tracer.startSpan(name, options, contextOf(parent)));
  }

  within<T>(span: Span, work: () => T): T {
    return this.#active.run(span, work);
  }

  active(): Span | undefined {
    return this.#active.getStore();
  }

  async stop(withinMs: number): Promise<void> {
    const late = new Promise<void>((resolve) => void setTimeout(resolve, withinMs).unref());
    // What cannot be sent has been told by the handler of failures.
    const sent = this.#provider.shutdown().catch(() => undefined);
    await Promise.race([sent, late]);
  }
}

function contextOf(traceparent: string | undefined): Context {
  const parent = traceparent === undefined ? null : parseTraceParent(traceparent);
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
}

class RecordedSpan implements Span {
  readonly #span: LibrarySpan;

  constructor(span: LibrarySpan) {
    this.#span = span;
  }

  get isRecorded(): boolean {
    return this.#span.isRecording();
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? "00" : "01"}`;
  }

  end(fields: SpanFields = {}, failure?: string): void {
    // The library itself warns of a second end, which is none of the caller's business here.
    if (!this.#span.isRecording()) return;
    this.#span.setAttributes(fields);
    if (failure !== undefined) this.#span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    this.#span.end();
  }
}
