import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface ExecutableOptions {
  readonly root: string;
  readonly outfile: string;
  readonly version: string;
  readonly commit: string;
  /** For another machine: Bun's name of it, and the Bun executable of that machine. */
  readonly target?: { readonly name: string; readonly bun: string };
}

/** The build command; `docs/architecture.md` says why each part is there. */
export function executable(options: ExecutableOptions): string[] {
  const { root, outfile, version, commit, target } = options;
  const workers = [...new Bun.Glob("src/**/*.worker.ts").scanSync({ cwd: root })].toSorted((a, b) => (a < b ? -1 : 1));
  return [
    process.execPath,
    "build",
    "--compile",
    "--minify-syntax",
    "--minify-whitespace",
    "--bytecode",
    "--format=esm",
    "--define",
    'process.env.NODE_ENV="production"',
    "--define",
    `KONSUL_VERSION=${JSON.stringify(version)}`,
    "--define",
    `KONSUL_COMMIT=${JSON.stringify(commit)}`,
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    ...(target === undefined ? [] : [`--target=${target.name}`, `--compile-executable-path=${target.bun}`]),
    join("src", "main.ts"),
    ...workers,
    "--outfile",
    outfile,
  ];
}

/** What `package.json` says. */
export function versionOf(root: string): string {
  const described: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  if (typeof described === "object" && described !== null && "version" in described) return String(described.version);
  throw new Error("package.json names no version");
}

/** The commit that is built; `unknown` outside of a checkout. */
export function commitOf(root: string): string {
  const git = Bun.spawnSync(["git", "rev-parse", "--short", "HEAD"], { cwd: root, stderr: "ignore" });
  return git.success ? git.stdout.toString().trim() : "unknown";
}
