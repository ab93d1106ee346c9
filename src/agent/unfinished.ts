import { existsSync, rmSync } from "node:fs";
import { constants } from "node:os";

/** Not SIGHUP: who listens to it ends at it, also under `nohup`, as the runtime forgets that it was to be ignored. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export interface Unfinished {
  /** It is finished, and stays. */
  keep(): void;
  remove(): void;
}

/** A file or folder about to be made, that an end of the process does not leave behind, unless it is killed. */
export function unfinished(path: string): Unfinished {
  const remove = (): void => {
    // Where its folder is none, looking says that it is not there, and removing fails.
    if (!existsSync(path)) return;
    // What is being copied into it at that moment may hold up the removal once.
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  };
  const ends = SIGNALS.map((signal) => ({ signal, end: () => process.exit(128 + constants.signals[signal]) }));
  process.on("exit", remove);
  for (const { signal, end } of ends) process.on(signal, end);
  const keep = (): void => {
    process.off("exit", remove);
    for (const { signal, end } of ends) process.off(signal, end);
  };
  return {
    keep,
    remove: () => {
      keep();
      remove();
    },
  };
}
