import type { LogImage } from "./log-image.ts";
import type { SnapshotDisk } from "./snapshot-disk.ts";

/** Something in a folder cannot be read any more, and nothing there makes up for it. */
export function isMarred(image: LogImage, snapshots: SnapshotDisk): boolean {
  const whole = snapshots.newestWhole;
  const isUnreadable = whole === 0 && snapshots.list().length > 0;
  return isUnreadable || image.base.index > whole || [...image.rotten].some((index) => index > whole);
}
