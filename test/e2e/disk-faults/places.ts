import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Island } from "../../storage/island.ts";
import { smallDisk, temporaryFolder } from "../agent-process.ts";

/** Where a node's folder lies, and what can be done to the disk below it. */
export interface DiskPlace {
  readonly path: string;
  readonly cut?: () => void;
  readonly mountAgain?: () => void;
  /** What is written from now on cannot reach the device. */
  readonly starve?: () => void;
  readonly replace?: () => Promise<void>;
  readonly remove: () => void;
}

export function plainPlace(): DiskPlace {
  return { path: temporaryFolder(), remove: () => undefined };
}

export function smallPlace(): DiskPlace {
  const path = smallDisk("48m");
  if (path === undefined) throw new Error("the file system could not be mounted");
  return { path, remove: () => undefined };
}

/** An ext4 in a file whose own file system can be filled up, so that the kernel cannot write it back. */
export function devicePlace(): DiskPlace {
  const below = smallDisk("128m");
  if (below === undefined) throw new Error("the file system could not be mounted");
  const island = new Island(below);
  if (!island.create()) throw new Error("the loop device could not be mounted");
  const ballast = join(below, "ballast");
  return {
    path: island.mount,
    cut: () => island.cut(),
    mountAgain: () => {
      if (!island.unmount() || !island.mountAgain()) throw new Error("the loop device could not be mounted again");
    },
    starve: () => {
      fillUp(ballast);
    },
    replace: async () => {
      rmSync(ballast, { force: true });
      // The last files that were open are let go a moment after the process ended.
      while (!island.unmount()) await Bun.sleep(20);
      rmSync(island.mount, { recursive: true });
      if (!island.create()) throw new Error("the loop device could not be mounted");
      mkdirSync(island.mount, { recursive: true });
    },
    remove: () => island.destroy(),
  };
}

/** Writes a file until there is no room left at all. */
export function fillUp(path: string): void {
  const fd = openSync(path, "w");
  try {
    for (const size of [1 << 20, 4096]) {
      const bytes = new Uint8Array(size).fill(1);
      try {
        while (writeSync(fd, bytes) > 0);
      } catch {
        // No room for so much: the next size.
      }
    }
  } finally {
    closeSync(fd);
  }
}
