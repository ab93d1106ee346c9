import { existsSync, renameSync } from "node:fs";
import { syncDirectory, storePaths } from "./files.ts";

/**
 * Takes the raft folder of a data folder out of use without destroying it: renamed to `raft.untrusted-<time>`. Only for
 * a folder that no store of this process has open. Returns the new name; undefined: there was no folder.
 */
export function quarantine(dataDir: string, wallMs: number): string | undefined {
  const paths = storePaths(dataDir);
  if (!existsSync(paths.folder)) return undefined;
  const time = new Date(wallMs)
    .toISOString()
    .replaceAll(/[-:]/g, "")
    .replace(/\.\d+Z$/, "Z");
  let aside = `${paths.folder}.untrusted-${time}`;
  for (let number = 2; existsSync(aside); number++) aside = `${paths.folder}.untrusted-${time}-${number}`;
  renameSync(paths.folder, aside);
  syncDirectory(paths.folder);
  return aside;
}
