import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { assert } from "../base/index.ts";
import { BoundHistogram } from "./bound-histogram.ts";
import { CATALOGUE, type MetricEntry, type MetricName } from "./catalogue.ts";

/** From 50 µs to 10 s: an fsync and a slow disk both have their place. */
const BUCKETS_SECONDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
];

export type Labels = Readonly<Record<string, string>>;

/** One series of a counter, with its labels fixed: cheap enough for the path of every request. */
export interface BoundCounter {
  increase(): void;
}

interface Pending {
  readonly name: MetricName;
  readonly labels: Labels;
  count: number;
}

/** All metrics of the catalogue. Gauges that are read rather than fed are set by a collector before each scrape. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #all = new Map<string, Counter | Gauge | Histogram>();
  readonly #collectors = new Set<() => void>();
  readonly #pending: Pending[] = [];
  readonly #histograms = new Map<MetricName, BoundHistogram[]>();

  constructor() {
    for (const entry of CATALOGUE) this.#all.set(entry.name, this.#create(entry));
  }

  increase(name: MetricName, labels: Labels = {}, by = 1): void {
    const metric = this.#all.get(name);
    assert(metric instanceof Counter, `${name} is a counter`);
    metric.inc(labels, by);
  }

  /** Counts here, and brings the sum to the registry with each scrape. Once a series, not once an event. */
  counter(name: MetricName, labels: Labels): BoundCounter {
    const pending: Pending = { name, labels, count: 0 };
    this.#pending.push(pending);
    return {
      increase: () => {
        pending.count += 1;
      },
    };
  }

  /** A series that is counted here and printed with each scrape; of one name, all series or none are bound. */
  histogram(name: MetricName, labels: Labels): BoundHistogram {
    assert(this.#all.get(name) instanceof Histogram, `${name} is a histogram`);
    const series = this.#histograms.get(name) ?? [];
    const known = series.find((one) => one.isFor(labels));
    if (known !== undefined) return known;
    const bound = new BoundHistogram(name, labels, BUCKETS_SECONDS);
    this.#histograms.set(name, [...series, bound]);
    return bound;
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    const metric = this.#all.get(name);
    assert(metric instanceof Gauge, `${name} is a gauge`);
    metric.set(labels, value);
  }

  observe(name: MetricName, value: number, labels: Labels = {}): void {
    const metric = this.#all.get(name);
    assert(metric instanceof Histogram, `${name} is a histogram`);
    metric.observe(labels, value);
  }

  /** Forgets all label values of a gauge, before they are set anew. */
  reset(name: MetricName): void {
    this.#all.get(name)?.reset();
  }

  /** Called before each scrape, until the returned function is called. */
  onScrape(collect: () => void): () => void {
    this.#collectors.add(collect);
    return () => void this.#collectors.delete(collect);
  }

  /** The text format of Prometheus. */
  async scrape(): Promise<string> {
    for (const collect of this.#collectors) collect();
    for (const pending of this.#pending) {
      this.increase(pending.name, pending.labels, pending.count);
      pending.count = 0;
    }
    let text = await this.#registry.metrics();
    for (const [name, series] of this.#histograms) {
      // All lines of a metric stand together, behind its type.
      const type = `# TYPE ${name} histogram\n`;
      text = text.replace(type, () => type + series.map((one) => one.lines()).join(""));
    }
    return text;
  }

  #create(entry: MetricEntry): Counter | Gauge | Histogram {
    const { name, help, labels = [] } = entry;
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (entry.kind === "counter") return new Counter(options);
    if (entry.kind === "gauge") return new Gauge(options);
    return new Histogram({ ...options, buckets: BUCKETS_SECONDS });
  }
}
