import { existsSync } from "node:fs";
import { join } from "node:path";
import { say } from "./bench.ts";
import type { Load } from "./wrk.ts";

const SOURCE = join(import.meta.dir, "grpc-load");
const EXECUTABLE = join(import.meta.dir, "..", "..", ".cache", "grpc-load");

/** Builds the load generator for gRPC; undefined, and said, where Go or its modules are missing. */
export function buildGrpcClient(): string | undefined {
  if (Bun.which("go") === null) {
    say("grpc: SKIPPED, there is no Go (Debian's golang-go) to build the gRPC client");
    return undefined;
  }
  const built = Bun.spawnSync(["go", "build", "-o", EXECUTABLE, "."], { cwd: SOURCE, stderr: "pipe" });
  if (built.success && existsSync(EXECUTABLE)) return EXECUTABLE;
  say(`grpc: SKIPPED, Go cannot build the gRPC client: ${built.stderr.toString().trim()}`);
  return undefined;
}

/** etcd over gRPC: so many requests in flight, over connections that eight clients share, which suits etcd best. */
export async function grpcLoad(
  executable: string,
  url: string,
  { clients, seconds, read = false }: { readonly clients: number; readonly seconds: number; readonly read?: boolean },
): Promise<Load> {
  const child = Bun.spawn(
    [
      executable,
      `-endpoint=${new URL(url).host}`,
      `-clients=${clients}`,
      `-connections=${Math.max(1, clients / 8)}`,
      `-seconds=${seconds}`,
      `-read=${read}`,
    ],
    { stdout: "pipe", stderr: "inherit" },
  );
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`The gRPC load on ${url} failed`);
  const load: Omit<Load, "cpuMicros"> = JSON.parse(text);
  return { ...load, cpuMicros: Number(child.resourceUsage()?.cpuTime.total ?? NaN) };
}
