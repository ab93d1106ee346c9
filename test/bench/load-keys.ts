import type { System } from "./systems.ts";

const TRANSACTION = 128;
const LOADERS = 4;

/** Writes so many keys of 20 bytes with values of 100. */
export async function loadKeys(system: System, url: string, keys: number): Promise<void> {
  let next = 0;
  const loader = async (): Promise<void> => {
    while (next < keys) {
      const from = next;
      next += TRANSACTION;
      const count = Math.min(TRANSACTION, keys - from);
      await system.load(
        url,
        Array.from({ length: count }, (_, at) => `m${String(from + at).padStart(19, "0")}`),
      );
    }
  };
  await Promise.all(Array.from({ length: LOADERS }, loader));
}
