import { rmSync } from "node:fs";
import { join } from "node:path";
import type { FaultyCluster } from "./faulty-cluster.ts";
import { fillUp, type DiskPlace } from "./places.ts";
import { injectIntoSyncs } from "./tracer.ts";

export interface Target {
  readonly cluster: FaultyCluster;
  readonly place: DiskPlace;
  readonly at: number;
}

/** What is done to the disk of a node that runs. */
export interface RunningFault {
  readonly name: string;
  readonly needs: "nothing" | "strace" | "small-disk" | "device";
  /** Returns what undoes it, as the operator would. */
  readonly make: (target: Target) => Promise<() => Promise<void>>;
  /** The node starts anew from the others. False: nothing was promised that is not kept, or the disk is replaced. */
  readonly isResynced: boolean;
  /** The node tells the others that nothing of it counts, before it goes down. */
  readonly isConfessed: boolean;
}

/** What a node says when its disk failed. */
const BROKEN = "because its disk broke a promise";

const nothing = async (): Promise<void> => undefined;

export const RUNNING_FAULTS: readonly RunningFault[] = [
  {
    name: "a folder removed under the running node",
    needs: "nothing",
    make: async ({ cluster, at }) => {
      rmSync(join(cluster.folderOf(at), "raft"), { recursive: true });
      return nothing;
    },
    isResynced: true,
    isConfessed: true,
  },
  {
    name: "an error that is injected into one sync",
    needs: "strace",
    make: async ({ cluster, at }) => injectIntoSyncs(cluster.nodeAt(at), "error=EIO:when=1"),
    isResynced: true,
    isConfessed: true,
  },
  {
    name: "syncs that take 200 ms longer",
    needs: "strace",
    make: async ({ cluster, at }) => injectIntoSyncs(cluster.nodeAt(at), "delay_enter=200000"),
    isResynced: false,
    isConfessed: false,
  },
  {
    name: "a full disk",
    needs: "small-disk",
    make: async ({ place }) => {
      const ballast = join(place.path, "ballast");
      fillUp(ballast);
      return async () => rmSync(ballast);
    },
    isResynced: false,
    isConfessed: false,
  },
  {
    name: "a sync that fails in the kernel",
    needs: "device",
    make: async ({ cluster, place, at }) => {
      place.starve?.();
      // What has blocks on the device already, as a log that begins anew at the front of its file, is still written for a while.
      while (!cluster.nodeAt(at).log().includes(BROKEN)) await Bun.sleep(10);
      return async () => {
        // Such a disk is replaced: by an empty one.
        await cluster.nodeAt(at).end("SIGKILL");
        await place.replace?.();
        await cluster.start(at);
      };
    },
    isResynced: false,
    isConfessed: true,
  },
  {
    name: "a power cut",
    needs: "device",
    make: async ({ cluster, place, at }) => {
      // The process ends with the power: one that lives on would see errors, and rightly say that its disk failed.
      const ended = cluster.nodeAt(at).end("SIGKILL");
      place.cut?.();
      await ended;
      return async () => {
        place.mountAgain?.();
        await cluster.start(at);
      };
    },
    isResynced: false,
    isConfessed: false,
  },
];
