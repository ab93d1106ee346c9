import type { Metrics } from "../telemetry/index.ts";

type Counter = ReturnType<Metrics["counter"]>;
type Histogram = ReturnType<Metrics["histogram"]>;

/** The series of one route and method. */
interface Answers {
  readonly byStatus: Map<number, Counter>;
  readonly durations: Histogram;
}

/**
 * Counts requests by method, route and status. Looked up step by step: a key made of all three would have to be built,
 * and hashed, for every request.
 */
export class RequestMetrics {
  readonly #metrics: Metrics;
  readonly #answers = new Map<string, Map<string, Answers>>();
  /** Requests being answered. */
  inFlight = 0;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    metrics.onScrape(() => metrics.set("konsul_http_requests_in_flight", this.inFlight));
  }

  answered(method: string, route: string, status: number, seconds: number): void {
    const answers = this.#answers.get(route)?.get(method) ?? this.#add(method, route);
    const counter = answers.byStatus.get(status) ?? this.#addStatus(answers, { method, route, status: String(status) });
    counter.increase();
    answers.durations.observe(seconds);
  }

  #add(method: string, route: string): Answers {
    const durations = this.#metrics.histogram("konsul_http_request_duration_seconds", { method, route });
    const answers = { byStatus: new Map<number, Counter>(), durations };
    const methods = this.#answers.get(route) ?? new Map<string, Answers>();
    this.#answers.set(route, methods.set(method, answers));
    return answers;
  }

  #addStatus({ byStatus }: Answers, labels: Readonly<Record<"method" | "route" | "status", string>>): Counter {
    const counter = this.#metrics.counter("konsul_http_requests_total", labels);
    byStatus.set(Number(labels.status), counter);
    return counter;
  }
}
