interface Row {
  readonly healedMs: number[];
  acknowledged: number;
  unknown: number;
}

/** What came of each fault: a line of the closing table. Trials that lost or misread anything fail and have none. */
export class TrialTable {
  readonly #rows = new Map<string, Row>();

  /** `soFar`: what the load of this cluster has counted since it started. */
  add(fault: string, healedMs: number, soFar: { readonly acknowledged: number; readonly unknown: number }): void {
    const row = this.#rows.get(fault) ?? { healedMs: [], acknowledged: 0, unknown: 0 };
    this.#rows.set(fault, row);
    row.healedMs.push(healedMs);
    row.acknowledged = Math.max(row.acknowledged, soFar.acknowledged);
    row.unknown = Math.max(row.unknown, soFar.unknown);
  }

  print(): void {
    const head = [
      "fault",
      "trials",
      "acknowledged",
      "unknown",
      "lost",
      "wrong reads",
      "counts again after, median and worst",
    ];
    const lines = [...this.#rows].map(([fault, { healedMs, acknowledged, unknown }]) => {
      const sorted = healedMs.toSorted((a, b) => a - b);
      const [median = 0, worst = 0] = [sorted[sorted.length >> 1], sorted.at(-1)];
      const times = `${Math.round(median)} ms, ${Math.round(worst)} ms`;
      return [fault, String(sorted.length), String(acknowledged), String(unknown), "0", "0", times];
    });
    const widths = head.map((name, at) => Math.max(name.length, ...lines.map((line) => line[at]?.length ?? 0)));
    for (const line of [head, ...lines]) {
      console.log(`figure: ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")}`);
    }
  }
}
