import { readFileSync } from "node:fs";

/** Clock ticks a second, as `getconf CLK_TCK` says on every Linux we know. */
const TICKS = 100;

/** Seconds of CPU, in user and kernel, that the process has used. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
