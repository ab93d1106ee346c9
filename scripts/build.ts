// Builds the one executable: agent, command line and disk Workers.
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { commitOf, executable, versionOf } from "./executable.ts";

const root = join(import.meta.dir, "..");
const outfile = process.argv[2] ?? join(root, "dist", "konsul");

mkdirSync(join(outfile, ".."), { recursive: true });
// Built beside the target and moved over it, so that a run in between never sees half a file.
const unfinished = `${outfile}.${process.pid}.tmp`;
const built = Bun.spawnSync(
  executable({ root, outfile: unfinished, version: versionOf(root), commit: commitOf(root) }),
  {
    cwd: root,
    stdout: "ignore",
    stderr: "inherit",
  },
);
if (!built.success) {
  rmSync(unfinished, { force: true });
  process.exit(1);
}
renameSync(unfinished, outfile);
