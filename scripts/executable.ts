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
