import type { MemberKey } from "../../../src/base/index.ts";
import { decodeMembership, type Membership } from "../../../src/raft/index.ts";
import type { Host } from "../host.ts";
import type { World } from "../world.ts";

/** A change that was asked for may still be appended within this time. */
const CHANGE_SETTLES_MS = 3000;

/** A disk may be lost only while the others can go on without it, whatever membership comes to be in force. */
export function canLose(world: World, host: Host, settlesMs = CHANGE_SETTLES_MS): boolean {
  if (host.isLost || world.scheduler.now - world.changedAt < settlesMs) return false;
  const intact = new Set(
    world.hosts.filter((other) => other !== host && !other.isLost && !other.isMarred).map(({ key }) => key),
  );
  const isEnough = (half: readonly MemberKey[]): boolean =>
    half.length === 0 || half.filter((key) => intact.has(key)).length * 2 > half.length;
  const left = world.hosts.filter((other) => other !== host && !other.isLost);
  const newest = Math.max(...left.map(rankOf));
  return possibleMemberships(world).every(({ voters, outgoing, learners }) => {
    // A learner may be a voter before anybody finds what is wrong with its disk.
    const isPromoted = learners.includes(host.key);
    if (isPromoted && voters.length <= 2) return false;
    // A learner with the newest log refuses its vote, and nobody elects it: the others would rightly stand still. And what is on its
    // way may make it the newest yet.
    if (!left.some((other) => rankOf(other) === newest && voters.includes(other.key))) return false;
    if (rankOf(host) > newest && learners.some((key) => key !== host.key)) return false;
    return isEnough(isPromoted ? [...voters, host.key] : voters) && isEnough(outgoing);
  });
}

/** Of two logs the newer one has the higher rank. @see Raft §5.4.1 */
function rankOf({ log: { image } }: Host): number {
  return (image.entries.at(-1)?.term ?? image.base.term) * 1e9 + image.lastIndex;
}

export function possibleMemberships(world: World): readonly Membership[] {
  const { memberships } = world.oracle;
  const found: Membership[] = memberships.current === undefined ? [] : [memberships.current];
  // A process beside the one of its machine may lead, and change the members, as well.
  for (const { log, process } of [...world.hosts, ...world.phantoms]) {
    for (const entry of log.image.entries) {
      if (entry.kind === "membership" && entry.index > memberships.currentIndex)
        found.push(decodeMembership(entry.data));
    }
    const effective = process?.status()?.membership;
    if (effective !== undefined && effective.voters.length > 0 && process?.ledTerm !== undefined) found.push(effective);
  }
  return found;
}
