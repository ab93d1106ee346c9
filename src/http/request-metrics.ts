import type { Metrics } from "../telemetry/index.ts";

type Counter = ReturnType<Metrics["counter"]>;
type Histogram = ReturnType<Metrics["histogram"]>;

/** Counts requests by method, route and status; each series is looked up by one string. */
export class RequestMetrics {
  readonly #metrics: Metrics;
  readonly #counters = new Map<string, Counter>();
  readonly #durations = new Map<string, Histogram>();
  /** Requests being answered. */
  inFlight = 0;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    metrics.onScrape(() => metrics.set("konsul_http_requests_in_flight", this.inFlight));
  }

  answered(method: string, route: string, status: number, seconds: number): void {
    this.#counter(method, route, status).increase();
    this.#duration(method, route).observe(seconds);
  }

  #counter(method: string, route: string, status: number): Counter {
    const key = `${method} ${status} ${route}`;
    const known = this.#counters.get(key);
    if (known !== undefined) return known;
    const counter = this.#metrics.counter("konsul_http_requests_total", { method, route, status: String(status) });
    this.#counters.set(key, counter);
    return counter;
  }

  #duration(method: string, route: string): Histogram {
    const key = `${method} ${route}`;
    const known = this.#durations.get(key);
    if (known !== undefined) return known;
    const histogram = this.#metrics.histogram("konsul_http_request_duration_seconds", { method, route });
    this.#durations.set(key, histogram);
    return histogram;
  }
}
