import type { BoundCounter, Metrics } from "../telemetry/index.ts";

/** The series of one route and method. */
interface Answers {
  readonly byStatus: Map<number, BoundCounter>;
  readonly durations: ReturnType<Metrics["histogram"]>;
}

/** Counts requests by method, route and status: one for all applications of a process. */
export class RequestMetrics {
  readonly #metrics: Metrics;
  /** Requests being answered. */
  inFlight = 0;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    metrics.onScrape(() => metrics.set("konsul_http_requests_in_flight", this.inFlight));
  }

  /** Once a route. */
  ofRoute(route: string): RouteMetrics {
    return new RouteMetrics(this.#metrics, route);
  }
}

/** Looked up step by step: a key made of method and status would have to be built, and hashed, for every request. */
export class RouteMetrics {
  readonly #metrics: Metrics;
  readonly #route: string;
  readonly #byMethod = new Map<string, Answers>();

  constructor(metrics: Metrics, route: string) {
    this.#metrics = metrics;
    this.#route = route;
  }

  answered(method: string, status: number, seconds: number): void {
    const answers = this.#byMethod.get(method) ?? this.#add(method);
    const counter = answers.byStatus.get(status) ?? this.#addStatus(answers, method, status);
    counter.increase();
    answers.durations.observe(seconds);
  }

  #add(method: string): Answers {
    const durations = this.#metrics.histogram("konsul_http_request_duration_seconds", { method, route: this.#route });
    const answers = { byStatus: new Map<number, BoundCounter>(), durations };
    this.#byMethod.set(method, answers);
    return answers;
  }

  #addStatus({ byStatus }: Answers, method: string, status: number): BoundCounter {
    const labels = { method, route: this.#route, status: String(status) };
    const counter = this.#metrics.counter("konsul_http_requests_total", labels);
    byStatus.set(status, counter);
    return counter;
  }
}
