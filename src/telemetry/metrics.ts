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
  increase(by?: number): void;
}

interface Pending {
  readonly metric: Counter;
  readonly labels: Labels;
  count: number;
}

/** All metrics of the catalogue. Gauges that are read rather than fed are set by a collector before each scrape. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #all = new Map<string, Counter | Gauge | Histogram>();
  readonly #collectors = new Set<() => void>();
  readonly #pending: Pending[] = [];
  /** By name, then by the values of the labels. */
  readonly #series = new Map<MetricName, Map<string, BoundCounter>>();
  readonly #histograms = new Map<MetricName, BoundHistogram[]>();

  constructor() {
    for (const entry of CATALOGUE) this.#all.set(entry.name, this.#create(entry));
  }

  increase(name: MetricName, labels: Labels = {}, by = 1): void {
    const values = Object.values(labels);
    // Most have one label: its value is a key that need not be built.
    const key = values.length === 1 ? (values[0] ?? "") : values.join("\0");
    const counter = this.#series.get(name)?.get(key) ?? this.#addSeries(name, labels, key);
    counter.increase(by);
  }

  #addSeries(name: MetricName, labels: Labels, key: string): BoundCounter {
    const counter = this.counter(name, labels);
    const series = this.#series.get(name) ?? new Map<string, BoundCounter>();
    this.#series.set(name, series.set(key, counter));
    return counter;
  }

  /** Counts here, and brings the sum to the registry with each scrape. Once a series, not once an event. */
  counter(name: MetricName, labels: Labels): BoundCounter {
    const metric = this.#all.get(name);
    assert(metric instanceof Counter, `${name} is a counter`);
    const pending: Pending = { metric, labels, count: 0 };
    this.#pending.push(pending);
    return {
      increase: (by = 1) => {
        pending.count += by;
      },
    };
  }

  /** A series that is counted here and printed with each scrape; of one name, all series or none are bound. */
  histogram(name: MetricName, labels: Labels): BoundHistogram {
    assert(this.#all.get(name) instanceof Histogram, `${name} is a histogram`);
    const series = this.#histograms.get(name) ?? [];
    const known = series.find((one) => one.isFor(labels));
    if (known !== undefined) return known;
    // The registry would print an empty series of its own.
    if (series.length === 0) this.#registry.removeSingleMetric(name);
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
    assert(metric instanceof Histogram && !this.#histograms.has(name), `${name} is a histogram that is not bound`);
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
      pending.metric.inc(pending.labels, pending.count);
      pending.count = 0;
    }
    let text = await this.#registry.metrics();
    for (const { name, help } of CATALOGUE) {
      const series = this.#histograms.get(name);
      if (series === undefined) continue;
      text += `\n# HELP ${name} ${help}\n# TYPE ${name} histogram\n${series.map((one) => one.lines()).join("")}`;
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
