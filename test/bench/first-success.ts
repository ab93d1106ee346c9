const EVERY_MS = 5;
const PENDING_MAX = 256;

/**
 * How many ms it took until an attempt succeeded. A new one begins every few ms, whatever became of those before: one
 * that reached a leader that is no more is answered late or never, and must not hide that another would have been taken.
 * On return no attempt is under way.
 */
export async function firstSuccess(attempt: (tries: number) => Promise<boolean>): Promise<number> {
  const startedAt = performance.now();
  const pending = new Set<Promise<void>>();
  let tookMs: number | undefined;
  const one = async (tries: number): Promise<void> => {
    if (await attempt(tries)) tookMs ??= performance.now() - startedAt;
  };
  for (let tries = 0; tookMs === undefined; tries += 1) {
    if (pending.size < PENDING_MAX) {
      const begun: Promise<void> = one(tries).finally(() => pending.delete(begun));
      pending.add(begun);
    }
    await Bun.sleep(EVERY_MS);
  }
  await Promise.all(pending);
  return tookMs;
}
