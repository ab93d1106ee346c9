import { readdirSync } from "node:fs";
import type { Clock } from "../base/index.ts";
import type { Metrics } from "./metrics.ts";

const LOOK_EVERY_MS = 20;

/** CPU, memory, files and the event loop of this process. The client's own default collectors block the loop. */
export function observeProcess(metrics: Metrics, clock: Clock, startedAtMs: number): { readonly stop: () => void } {
  let longestDelayMs = 0;
  let expected = clock.now() + LOOK_EVERY_MS;
  let isStopped = false;
  let countedCpuSeconds = 0;
  const look = (): void => {
    if (isStopped) return;
    longestDelayMs = Math.max(longestDelayMs, clock.now() - expected);
    expected = clock.now() + LOOK_EVERY_MS;
    clock.at(expected, look);
  };
  clock.at(expected, look);
  const forget = metrics.onScrape(() => {
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    metrics.increase("konsul_process_cpu_seconds_total", {}, Math.max(0, cpuSeconds - countedCpuSeconds));
    countedCpuSeconds = Math.max(countedCpuSeconds, cpuSeconds);
    metrics.set("konsul_process_resident_memory_bytes", process.memoryUsage.rss());
    metrics.set("konsul_process_start_time_seconds", startedAtMs / 1000);
    metrics.set("konsul_event_loop_delay_seconds", Math.max(0, longestDelayMs) / 1000);
    longestDelayMs = 0;
    const files = openFiles();
    if (files !== undefined) metrics.set("konsul_process_open_fds", files);
  });
  return {
    stop: () => {
      isStopped = true;
      forget();
    },
  };
}

function openFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    // Not on this system.
    return undefined;
  }
}
