import { heapStats } from "bun:jsc";
import { COMMIT } from "../../base/index.ts";
import { profileProcessor } from "../../telemetry/index.ts";
import type { HttpDeps } from "../deps.ts";
import { ApiError } from "../errors.ts";
import { Query } from "../query.ts";
import type { Responder } from "../respond.ts";
import type { RequestUrl } from "../request-url.ts";

const PROFILE_SECONDS_MAX = 60;
/** Types of objects that are told. */
const HEAP_TYPES = 40;

/** What only the node itself can say for a support bundle; settings and log lines come without secrets. */
export async function debug(
  deps: HttpDeps,
  { url, respond }: { readonly url: RequestUrl; readonly respond: Responder },
): Promise<Response> {
  const query = new Query(url, ["profile", "collect"]);
  const seconds = query.integer("profile", { min: 0, max: PROFILE_SECONDS_MAX }) ?? 0;
  const profile = seconds === 0 ? null : await takeProfile(seconds);
  // What is left then is kept by somebody: otherwise a leak and garbage that waits look the same.
  const isCollected = query.flag("collect");
  if (isCollected) await deps.debug.collect();
  const { settings, recentLines } = deps.debug;
  return respond.json({
    version: deps.version,
    commit: COMMIT,
    runtime: { bun: Bun.version, platform: process.platform, arch: process.arch, pid: process.pid },
    uptime_seconds: Math.round(performance.now() / 1000),
    memory: process.memoryUsage(),
    heap: isCollected ? heapByType() : null,
    settings,
    log: recentLines(),
    profile,
  });
}

/** How many objects of each type the main thread's heap has, the most frequent first: by this a leak is told. */
function heapByType(): unknown {
  const { objectTypeCounts, heapSize, extraMemorySize } = heapStats();
  const counts = Object.entries(objectTypeCounts).toSorted(([, a], [, b]) => b - a);
  return {
    bytes: heapSize,
    outside_bytes: extraMemorySize,
    objects: Object.fromEntries(counts.slice(0, HEAP_TYPES)),
  };
}

async function takeProfile(seconds: number): Promise<unknown> {
  const profile = await profileProcessor(seconds * 1000);
  if (profile !== undefined) return profile;
  throw new ApiError("conflict", "A profile of this node is being taken already: try again when it is done");
}
