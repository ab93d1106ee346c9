export type SpanFields = Readonly<Record<string, string | number | boolean>>;

/** A span that has begun. One that is not recorded costs little, and carries the decision not to record on. */
export interface Span {
  readonly isRecorded: boolean;
  /** W3C Trace Context, with which another process goes on. */
  readonly traceparent: string;
  /** Once; later calls do nothing. `failure` marks it as failed, in words without secrets. */
  end(fields?: SpanFields, failure?: string): void;
}

export interface SpanStart {
  /** The `traceparent` of the span around it; undefined or malformed: a trace of its own, recorded by chance. */
  readonly parent: string | undefined;
  /** `server` answers somebody else, `client` asks somebody else; otherwise it is this node's own work. */
  readonly kind?: "server" | "client";
  readonly fields?: SpanFields;
  /** Wall clock in ms, for what is told only when it is over; now. */
  readonly startedAt?: number;
}

/** Spans of this node. Whoever may be traced holds an optional one, and does nothing for it where there is none. */
export interface Tracing {
  start(name: string, start: SpanStart): Span;
  /** Runs `work` inside of the span, with everything that it awaits. */
  within<T>(span: Span, work: () => T): T;
  /** The span around this call; undefined: none. */
  active(): Span | undefined;
  /** Sends what is left, by `withinMs` at the latest: a collector that is down must not hold up the stop. */
  stop(withinMs: number): Promise<void>;
}

export interface TracingOptions {
  /** Where spans go: the URL of an OTLP/HTTP receiver's traces. */
  readonly endpoint: string;
  /** Share of the traces begun here that is recorded, 0 to 1. A client's own decision always holds. */
  readonly sampleRatio: number;
  readonly nodeId: string;
  readonly version: string;
  /** Spans cannot be sent. Called for every failure. */
  readonly onFailure: (reason: string) => void;
}

/** Loads the library only now: a node that does not trace starts without it. */
export async function openTracing(options: TracingOptions): Promise<Tracing> {
  return (await import("./open-telemetry.ts")).createTracing(options);
}
