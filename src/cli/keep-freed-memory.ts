import { IS_COMPILED } from "../base/index.ts";

const VARIABLE = "MIMALLOC_PURGE_DELAY";

/**
 * To the runtime's allocator: never give freed memory back to the kernel. A busy node frees some megabytes with each collection
 * and uses them again right after it, and a page that the kernel had meanwhile costs a fault and its clearing. Longer
 * delays than the runtime's 100 ms leave nearly as many faults.
 */
const NEVER = "-1";

/** Files that the caller opened for this process; execve closes them, standard input and outputs apart. */
const OPENED_BY_CALLER = ["/dev/fd/", "/proc/self/fd/"];

/**
 * Begins this process anew by execve(2), with the allocator's setting in its environment: the allocator reads it there alone,
 * once, before any code of ours. Process id, command line and what else the environment says stay. Returns where the variable
 * is set, by this or by an operator, where a setting names a file that would be closed (`--config <(...)`), and where the system
 * does not let a process do so: that costs speed and nothing else.
 */
export function keepFreedMemory(): void {
  if (process.env[VARIABLE] !== undefined || process.execve === undefined) return;
  const given = [...process.argv, ...Object.values(process.env)].join("\n");
  if (OPENED_BY_CALLER.some((folder) => given.includes(folder))) return;
  const script = IS_COMPILED ? [] : process.argv.slice(1, 2);
  const words = [process.argv0, ...process.execArgv, ...script, ...process.argv.slice(2)];
  try {
    process.execve(process.execPath, words, { ...process.env, [VARIABLE]: NEVER });
  } catch {
    // An executable that was removed since, or a sandbox that forbids it: the agent runs as it is.
  }
}
