import { createPrng, unreachable, type Prng } from "../../../src/base/index.ts";
import type { World } from "../world.ts";
import { damagedEntry } from "./damaged-entry.ts";
import { earlyReads } from "./early-reads.ts";
import { fullDisk } from "./full-disk.ts";
import { ghostSuffix } from "./ghost-suffix.ts";
import { lonelyChange } from "./lonely-change.ts";
import type { NemesisName } from "./nemesis.ts";
import { overtakenLeader } from "./overtaken-leader.ts";
import { pingPong } from "./ping-pong.ts";
import { rollingUpgrade } from "./rolling-upgrade.ts";
import { slowFollower } from "./slow-follower.ts";
import { starvedTransfer } from "./starved-transfer.ts";
import { unheardRemoval } from "./unheard-removal.ts";
import { vainTransfer } from "./vain-transfer.ts";

export function strike(world: World, name: NemesisName, salt: number): void {
  attackOf(name)(world, createPrng(salt));
}

function attackOf(name: NemesisName): (world: World, random: Prng) => void {
  switch (name) {
    case "overtaken leader":
      return overtakenLeader;
    case "early reads":
      return earlyReads;
    case "vain transfer":
      return vainTransfer;
    case "lonely change":
      return lonelyChange;
    case "slow follower":
      return slowFollower;
    case "ghost suffix":
      return ghostSuffix;
    case "starved transfer":
      return starvedTransfer;
    case "full disk":
      return fullDisk;
    case "ping-pong":
      return pingPong;
    case "damaged entry":
      return damagedEntry;
    case "unheard removal":
      return unheardRemoval;
    case "rolling upgrade":
      return rollingUpgrade;
    default:
      return unreachable(name);
  }
}
