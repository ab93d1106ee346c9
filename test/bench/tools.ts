import { statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KONSUL } from "../e2e/agent-process.ts";
import { complain, say } from "./bench.ts";

/** Debian's package for each tool that we drive. */
const PACKAGES: Readonly<Record<string, string>> = { etcd: "etcd-server", wrk: "wrk" };

/** Types of file systems that keep their files in memory: tmpfs and ramfs. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/** Installs with apt-get what is not there, where that is allowed, and says so. Returns what is missing still. */
export function missingTools(tools: readonly string[]): readonly string[] {
  const isMissing = (tool: string): boolean => Bun.which(tool) === null;
  const missing = tools.filter(isMissing);
  if (missing.length === 0) return [];
  const packages = missing.map((tool) => PACKAGES[tool] ?? tool);
  if (process.getuid?.() !== 0 || Bun.which("apt-get") === null) {
    say(`${missing.join(" and ")} missing: install Debian's ${packages.join(" and ")} as root`);
    return missing;
  }
  say(`Installing Debian's ${packages.join(" and ")}`);
  const stdio = ["ignore", "ignore", "inherit"] satisfies ["ignore", "ignore", "inherit"];
  Bun.spawnSync(["apt-get", "update", "-q"], { stdio });
  Bun.spawnSync(["apt-get", "install", "-y", "-q", "--no-install-recommends", ...packages], { stdio });
  return tools.filter(isMissing);
}

/** Builds dist/konsul where a source is newer; what it says of its version. Undefined, and said: there is none. */
export function buildKonsul(): string | undefined {
  const given = process.env["KONSUL_BIN"];
  const command = given === undefined ? join(import.meta.dir, "..", "..", "scripts", "konsul") : KONSUL;
  if (Bun.which(command) === null) {
    complain(`Cannot run ${command}: there is no such executable`);
    return undefined;
  }
  const ran = Bun.spawnSync([command, "version"], { stderr: "inherit" });
  if (ran.success) return ran.stdout.toString().trim();
  complain(`Cannot build or run Konsul: ${command} version ended with ${ran.exitCode}`);
  return undefined;
}

/** A sync costs nothing there, so that durable writes would look as fast as others. */
export function warnOfMemoryDisk(): void {
  if (!IN_MEMORY.has(statfsSync(tmpdir()).type)) return;
  complain(`${tmpdir()} is in memory, where a sync costs nothing: set TMPDIR to a folder on a disk`);
}
