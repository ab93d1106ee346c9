/** A span as it arrived. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly startNanos: bigint;
  readonly endNanos: bigint;
  readonly isFailed: boolean;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
  /** Fields of the process that sent it. */
  readonly resource: Readonly<Record<string, string | number | boolean>>;
}

export interface OtlpReceiver {
  /** What an exporter is given. */
  readonly endpoint: string;
  readonly spans: readonly ReceivedSpan[];
  /** Headers of the requests so far. */
  readonly headers: readonly Headers[];
  stop(): Promise<void>;
}

/** A small receiver of OTLP/HTTP in JSON on a free port: it keeps what it gets. */
export function startOtlpReceiver(): OtlpReceiver {
  const spans: ReceivedSpan[] = [];
  const headers: Headers[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (request.method !== "POST" || pathname !== "/v1/traces") return new Response("not here", { status: 404 });
      headers.push(request.headers);
      spans.push(...decode(Object(await request.json())));
      return Response.json({ partialSuccess: {} });
    },
  });
  return {
    endpoint: `http://127.0.0.1:${server.port}/v1/traces`,
    spans,
    headers,
    stop: async () => server.stop(true),
  };
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number | boolean>>;
}

interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly name: string;
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly kind: number;
        readonly startTimeUnixNano: string;
        readonly endTimeUnixNano: string;
        readonly attributes: readonly Attribute[];
        readonly status: { readonly code: number };
      }[];
    }[];
  }[];
}

function decode({ resourceSpans }: Exported): readonly ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        name: span.name,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? "",
        kind: span.kind,
        startNanos: BigInt(span.startTimeUnixNano),
        endNanos: BigInt(span.endTimeUnixNano),
        isFailed: span.status.code === 2,
        fields: fieldsOf(span.attributes),
        resource: fieldsOf(resource.attributes),
      })),
    ),
  );
}

function fieldsOf(attributes: readonly Attribute[]): Readonly<Record<string, string | number | boolean>> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const [kind, given] = Object.entries(value)[0] ?? ["stringValue", ""];
      // JSON of protobuf writes 64-bit numbers as text.
      return [key, kind === "intValue" ? Number(given) : given];
    }),
  );
}
