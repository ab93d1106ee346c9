/** One series of a histogram, counted here: cheap enough for the path of every request. */
export class BoundHistogram {
  readonly #name: string;
  readonly #labels: string;
  readonly #bounds: readonly number[];
  /** By bucket; the last one is for everything above the bounds. */
  readonly #counts: number[];
  #sum = 0;

  constructor(name: string, labels: Readonly<Record<string, string>>, bounds: readonly number[]) {
    this.#name = name;
    this.#labels = labelText(labels);
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  isFor(labels: Readonly<Record<string, string>>): boolean {
    return this.#labels === labelText(labels);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? Infinity)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += value;
  }

  /** Its lines in Prometheus' text format. */
  lines(): string {
    let count = 0;
    const buckets = this.#counts.map((own, at) => {
      count += own;
      const bound = this.#bounds[at];
      const le = bound === undefined ? "+Inf" : String(bound);
      return `${this.#name}_bucket{le="${le}"${this.#labels === "" ? "" : `,${this.#labels}`}} ${count}\n`;
    });
    const labels = this.#labels === "" ? "" : `{${this.#labels}}`;
    return `${buckets.join("")}${this.#name}_sum${labels} ${this.#sum}\n${this.#name}_count${labels} ${count}\n`;
  }
}

function escape(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${escape(value)}"`)
    .join(",");
}
