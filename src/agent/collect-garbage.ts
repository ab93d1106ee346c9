import { collectDiskThreads } from "../storage/index.ts";

/** Each thread has a heap of its own. */
export async function collectGarbage(): Promise<void> {
  Bun.gc(true);
  await collectDiskThreads();
}
