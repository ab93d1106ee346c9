// Builds the one executable: agent, command line and disk Workers.
import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { executable } from "./executable.ts";

const root = join(import.meta.dir, "..");
const outfile = process.argv[2] ?? join(root, "dist", "konsul");

function commit(): string {
  const git = Bun.spawnSync(["git", "rev-parse", "--short", "HEAD"], { cwd: root, stderr: "ignore" });
  return git.success ? git.stdout.toString().trim() : "unknown";
}

function version(): string {
  const described: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  if (typeof described === "object" && described !== null && "version" in described) return String(described.version);
  throw new Error("package.json names no version");
}

mkdirSync(join(outfile, ".."), { recursive: true });
// Built beside the target and moved over it, so that a run in between never sees half a file.
const unfinished = `${outfile}.${process.pid}.tmp`;
const built = Bun.spawnSync(executable({ root, outfile: unfinished, version: version(), commit: commit() }), {
  cwd: root,
  stdout: "ignore",
  stderr: "inherit",
});
if (!built.success) {
  rmSync(unfinished, { force: true });
  process.exit(1);
}
renameSync(unfinished, outfile);
