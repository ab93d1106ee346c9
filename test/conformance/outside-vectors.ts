import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

/** Folder with test data written by others, kept beside the project because of its licences. */
export function outsideFolder(): string {
  const project = resolve(import.meta.dir, "../..");
  return resolve(project, process.env["KONSUL_TESTDATA"] ?? "../shared/testdata");
}

/** A folder of outside test data; undefined, with a line that says so, where it is absent. */
export function findOutside(name: string): string | undefined {
  const folder = join(outsideFolder(), name);
  if (existsSync(folder)) return folder;
  process.stdout.write(`SKIPPED: no outside test data in ${name}: set KONSUL_TESTDATA to the folder that holds it\n`);
  return undefined;
}
