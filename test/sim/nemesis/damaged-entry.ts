import type { Prng } from "../../../src/base/index.ts";
import type { Message } from "../../../src/raft/index.ts";
import type { World } from "../world.ts";
import { write } from "./actions.ts";

/** A bit of an entry flips between the leader's disk and the follower, where no checksum of a frame sees it. */
export function damagedEntry(world: World, random: Prng): void {
  const leader = world.leader();
  if (leader === undefined) return;
  world.network.damage = { from: leader.host.number, change: (message) => damage(message, random) };
  write(world, leader, 5);
}

/** The message with one byte changed; undefined: it carries nothing that could. */
function damage(message: Message, random: Prng): Message | undefined {
  if (message.kind !== "append") return undefined;
  const at = message.entries.findIndex(({ kind }) => kind === "command");
  const entry = message.entries[at];
  if (entry === undefined || entry.data.length === 0) return undefined;
  const data = new Uint8Array(entry.data);
  const place = random.between(0, data.length);
  data[place] = (data[place] ?? 0) ^ (1 << random.between(0, 8));
  return { ...message, entries: message.entries.with(at, { ...entry, data }) };
}
