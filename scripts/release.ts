// Builds the executable for every target, with checksums: bun scripts/release.ts [TARGET…]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commitOf, executable, versionOf } from "./executable.ts";

interface Target {
  /** As in the file's name. */
  readonly name: string;
  /** Bun's name of it. */
  readonly bun: string;
  /** Package that holds Bun's executable for it, and where. */
  readonly holder: string;
  readonly file: string;
}

const TARGETS: readonly Target[] = [
  { name: "linux-x64", bun: "bun-linux-x64", holder: "@oven/bun-linux-x64", file: "bin/bun" },
  { name: "linux-arm64", bun: "bun-linux-arm64", holder: "@oven/bun-linux-aarch64", file: "bin/bun" },
  { name: "linux-x64-musl", bun: "bun-linux-x64-musl", holder: "@oven/bun-linux-x64-musl", file: "bin/bun" },
  { name: "linux-arm64-musl", bun: "bun-linux-arm64-musl", holder: "@oven/bun-linux-aarch64-musl", file: "bin/bun" },
  { name: "darwin-arm64", bun: "bun-darwin-arm64", holder: "@oven/bun-darwin-aarch64", file: "bin/bun" },
  { name: "darwin-x64", bun: "bun-darwin-x64", holder: "@oven/bun-darwin-x64", file: "bin/bun" },
  { name: "windows-x64", bun: "bun-windows-x64", holder: "@oven/bun-windows-x64", file: "bin/bun.exe" },
];

const root = join(import.meta.dir, "..");
const cache = join(root, ".cache", `targets-${Bun.version}`);

function run(command: readonly string[], cwd: string): void {
  const ran = Bun.spawnSync([...command], { cwd, stdout: "ignore", stderr: "inherit" });
  if (!ran.success) throw new Error(`${command.slice(0, 3).join(" ")} failed`);
}

/** Bun's executables come as packages; the lock of the project stays as it is. */
function fetchRuntimes(targets: readonly Target[]): void {
  if (targets.every(({ holder, file }) => existsSync(join(cache, "node_modules", holder, file)))) return;
  mkdirSync(cache, { recursive: true });
  const dependencies = Object.fromEntries(TARGETS.map(({ holder }) => [holder, Bun.version]));
  writeFileSync(join(cache, "package.json"), JSON.stringify({ private: true, dependencies }));
  run([process.execPath, "install", "--no-save", "--cpu=*", "--os=*"], cache);
}

const wanted = process.argv.slice(2);
const targets = TARGETS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (targets.length === 0) {
  process.stderr.write(`release: no such target; there are ${TARGETS.map(({ name }) => name).join(", ")}\n`);
  process.exit(2);
}
fetchRuntimes(targets);
const folder = join(root, "dist", "release");
mkdirSync(folder, { recursive: true });
const commit = commitOf(root);
const version = versionOf(root);
const sums: string[] = [];
for (const { name, bun, holder, file } of targets) {
  const built = `konsul-${version}-${name}${name.startsWith("windows") ? ".exe" : ""}`;
  const runtime = join(cache, "node_modules", holder, file);
  run(
    executable({
      root,
      outfile: join(folder, built),
      version,
      commit,
      target: { name: bun, bun: runtime },
    }),
    root,
  );
  sums.push(`${new Bun.CryptoHasher("sha256").update(readFileSync(join(folder, built))).digest("hex")}  ${built}`);
  process.stdout.write(`${built}\n`);
}
writeFileSync(join(folder, "SHA256SUMS"), `${sums.join("\n")}\n`);
