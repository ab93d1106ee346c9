import { say } from "./bench.ts";

/** Debian's package for each tool that we drive. */
const PACKAGES: Readonly<Record<string, string>> = { etcd: "etcd-server", wrk: "wrk" };

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
