import { existsSync } from "node:fs";
import { join } from "node:path";
import { tracked } from "../e2e/agent-process.ts";
import { say } from "./bench.ts";
import type { Load } from "./wrk.ts";

const SOURCE = join(import.meta.dir, "grpc-load");
const EXECUTABLE = join(import.meta.dir, "..", "..", ".cache", "grpc-load");

/** Where Debian's golang-etcd-server-dev puts the sources of etcd's client, and of all that it needs. */
const DEBIAN = "/usr/share/gocode";

/** Builds the load generator for gRPC; undefined, and said, where Go or etcd's client is missing. */
export function buildGrpcClient(): string | undefined {
  if (Bun.which("go") === null) {
    say("grpc: SKIPPED, there is no Go (Debian's golang-go) to build the gRPC client");
    return undefined;
  }
  const isDebian = existsSync(join(DEBIAN, "src", "go.etcd.io", "etcd", "clientv3"));
  say(
    `grpc: etcd's client ${isDebian ? `of Debian's golang-etcd-server-dev` : "as go.mod names it, which Go downloads"}`,
  );
  const [flags, environment] = isDebian
    ? [["-tags=debian"], { GO111MODULE: "off", GOPATH: DEBIAN, GOFLAGS: "" }]
    : [[], {}];
  const command = ["go", "build", ...flags, "-o", EXECUTABLE, "."];
  const built = Bun.spawnSync(command, { cwd: SOURCE, env: { ...process.env, ...environment }, stderr: "pipe" });
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
  const child = tracked(
    Bun.spawn(
      [
        executable,
        `-endpoint=${new URL(url).host}`,
        `-clients=${clients}`,
        `-connections=${Math.max(1, clients / 8)}`,
        `-seconds=${seconds}`,
        `-read=${read}`,
      ],
      { stdout: "pipe", stderr: "inherit" },
    ),
  );
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`The gRPC load on ${url} failed`);
  const load: Omit<Load, "cpuMicros"> = JSON.parse(text);
  return { ...load, cpuMicros: Number(child.resourceUsage()?.cpuTime.total ?? NaN) };
}
