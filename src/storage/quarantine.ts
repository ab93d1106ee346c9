import { existsSync, readdirSync, renameSync } from "node:fs";
import { basename, dirname } from "node:path";
import { syncDirectory, storePaths, type DataFolders } from "./files.ts";

/**
 * Takes the folder of log and snapshots out of use without destroying it: renamed to `raft.untrusted-<time>`. Only for
 * a folder that no store of this process has open. Returns the new name; undefined: there was no folder.
 */
export function quarantine(folders: DataFolders, wallMs: number): string | undefined {
  const paths = storePaths(folders);
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

/** When a folder was last taken out of use, in wall-clock milliseconds; undefined: none is there any more. */
export function lastQuarantine(folders: DataFolders): number | undefined {
  const { folder } = storePaths(folders);
  const name = new RegExp(`^${basename(folder)}\\.untrusted-(\\d{4})(\\d\\d)(\\d\\d)T(\\d\\d)(\\d\\d)(\\d\\d)Z`);
  const times = readdirSync(dirname(folder)).flatMap((entry) => {
    const parts = name.exec(entry)?.slice(1);
    if (parts === undefined) return [];
    const [year = "", month = "", day = "", hour = "", minute = "", second = ""] = parts;
    return [Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)];
  });
  return times.length === 0 ? undefined : Math.max(...times);
}
