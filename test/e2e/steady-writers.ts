const RETRY_MS_MAX = 5000;
const READERS = 16;

/** What clients that only write came to. */
export interface WriterReport {
  /** Every write that succeeded, by key. */
  readonly written: ReadonlyMap<string, string>;
  /** Answers 504: may or may not have happened. */
  readonly unknown: number;
  /** Whatever was neither. */
  readonly strange: readonly string[];
  readonly longestGapMs: number;
}

/**
 * Clients that write one key after another, follow redirects, and try again after 503 and where nobody answers at all, for
 * five seconds at most. The end of them gives the report.
 */
export function startWriters(urls: readonly string[], count: number): () => Promise<WriterReport> {
  const written = new Map<string, string>();
  const strange: string[] = [];
  let [unknown, isOver, lastSuccess, longestGapMs] = [0, false, performance.now(), 0];
  const put = async (client: number, number: number): Promise<void> => {
    const [key, value] = [`c${client}/${number}`, `${client}-${number}`];
    const until = performance.now() + RETRY_MS_MAX;
    for (let at = client + number; ; at += 1) {
      const url = urls[at % urls.length];
      const answer = await fetch(`${url}/kv/${key}`, { method: "PUT", body: value }).catch(() => undefined);
      if (answer?.status === 200) {
        const now = performance.now();
        longestGapMs = Math.max(longestGapMs, now - lastSuccess);
        lastSuccess = now;
        written.set(key, value);
        return;
      }
      if (answer?.status === 504) {
        unknown += 1;
        return;
      }
      const mayRetry = answer === undefined || answer.status === 503;
      if (!mayRetry || performance.now() > until) {
        strange.push(`${key}: ${answer?.status ?? "no answer"} ${(await answer?.text()) ?? ""}`);
        return;
      }
      await Bun.sleep(20);
    }
  };
  const clients = Array.from({ length: count }, async (_, client) => {
    for (let number = 0; !isOver; number += 1) await put(client, number);
  });
  return async () => {
    isOver = true;
    await Promise.all(clients);
    return { written, unknown, strange, longestGapMs };
  };
}

/** The keys that do not have the value that was written. */
export async function missingOf({ written }: WriterReport, url: string): Promise<readonly string[]> {
  const missing: string[] = [];
  const left = written.entries();
  const reader = async (): Promise<void> => {
    for (const [key, value] of left) {
      const found = await (await fetch(`${url}/kv/${key}?raw&consistent`)).text();
      if (found !== value) missing.push(key);
    }
  };
  await Promise.all(Array.from({ length: READERS }, reader));
  return missing;
}

export function figureOf({ written, unknown, longestGapMs }: WriterReport): string {
  return `    figure: ${written.size} writes, ${unknown} unknown, longest gap ${longestGapMs.toFixed(0)} ms\n`;
}
