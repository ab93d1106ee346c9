import type { MemberKey, Prng } from "../../../src/base/index.ts";
import type { ChangeOutcome } from "../../../src/node/index.ts";
import type { Membership, MembershipChange } from "../../../src/raft/index.ts";
import { NEW_VERSION, type Host } from "../host.ts";
import type { Process } from "../process.ts";
import type { World } from "../world.ts";

/** No release before it is let in any more. */
export const RAISE: MembershipChange = { kind: "raise-version", version: NEW_VERSION };

/** Asks the leader, now and then, for what is missing between the membership and what every machine should be. */
export class Operator {
  readonly #world: World;
  readonly #random: Prng;
  #isWaiting = false;

  constructor(world: World, random: Prng) {
    this.#world = world;
    this.#random = random;
  }

  start(): void {
    this.#world.scheduler.after(this.#world.options.operatorEveryMs * (0.5 + this.#random.float()), () => {
      this.#look();
      this.start();
    });
  }

  #look(): void {
    if (this.#isWaiting) return;
    const leader = this.#world.leader();
    const membership = leader?.status()?.membership;
    if (leader === undefined || membership === undefined) return;
    const changes = this.#wanted(membership);
    if (changes.length === 0 && this.#isRaiseDue(membership)) changes.push(RAISE);
    if (changes.length === 0) return;
    const isJoint = this.#random.chance(this.#world.options.jointChance);
    this.#submit(leader, isJoint ? changes : [this.#random.pick(changes)]);
  }

  #submit(leader: Process, changes: readonly MembershipChange[]): void {
    this.#isWaiting = true;
    const release = (): void => {
      this.#isWaiting = false;
    };
    // The answer may die with the process.
    const timer = this.#world.scheduler.after(this.#world.options.timing.electionTimeoutMs * 4, release);
    leader.enter(() => {
      const deadline = leader.host.clock.now() + this.#world.options.timing.electionTimeoutMs * 3;
      const { trace, scheduler } = this.#world;
      trace.line(scheduler.now, () => `operator asks ${leader.key}: ${changes.map(describe).join(", ")}`);
      leader.node?.change({ changes }, deadline, (outcome) => {
        trace.line(scheduler.now, () => `operator is told ${JSON.stringify(outcome)}`);
        if (isVersionRefused(outcome) && changes.every(({ kind }) => kind === "add-learner" || kind === "replace")) {
          this.#world.marks.hit("old release not let in");
        }
        timer.cancel();
        release();
      });
    });
  }

  #isRaiseDue({ clusterVersion, members }: Membership): boolean {
    const isUnderstood = [...members.values()].every(({ commandVersion }) => commandVersion >= NEW_VERSION);
    return this.#world.isUpgraded && isUnderstood && clusterVersion < NEW_VERSION;
  }

  #wanted(membership: Membership): MembershipChange[] {
    const changes: MembershipChange[] = [];
    for (const host of this.#world.hosts) {
      const change = this.#wantedOf(host, membership);
      const isLoss = (change?.kind === "remove" && change.key === host.key) || change?.kind === "demote";
      if (change === undefined || (isLoss && this.#world.isMissingPair)) continue;
      if (isLoss) this.#world.changedAt = this.#world.scheduler.now;
      changes.push(change);
    }
    return changes;
  }

  #isRemoved(key: MemberKey): boolean {
    const { memberships } = this.#world.oracle;
    return memberships.seen.has(key) && memberships.current?.members.has(key) === false;
  }

  #wantedOf(host: Host, membership: Membership): MembershipChange | undefined {
    const { key, id } = host;
    const old = [...membership.members].find(([other, member]) => member.id === id && other !== key)?.[0];
    if (host.wish === "absent") {
      const listed = membership.members.has(key) ? key : old;
      return listed === undefined ? undefined : { kind: "remove", key: listed };
    }
    if (host.isLost) return undefined;
    if (!membership.members.has(key)) {
      // A pair that was removed is never let in again: the machine starts anew.
      if (this.#isRemoved(key)) {
        host.wipe(0);
        return undefined;
      }
      if (old !== undefined) return { kind: "replace", old, member: host.member() };
      return { kind: "add-learner", member: host.member() };
    }
    const isVoter = membership.voters.includes(key);
    if (host.wish === "voter" && !isVoter) return { kind: "promote", key };
    if (host.wish === "learner" && isVoter) return { kind: "demote", key };
    // As the leader's agent does, once it has met the other release.
    if (host.isUp && membership.members.get(key)?.commandVersion !== host.commandVersion) {
      return { kind: "update", member: host.member() };
    }
    return undefined;
  }
}

export function isVersionRefused(outcome: ChangeOutcome): boolean {
  if (outcome.kind !== "refused" || outcome.refusal.kind !== "rejected") return false;
  return outcome.refusal.code === "unsupported-version";
}

function describe(change: MembershipChange): string {
  if (change.kind === "add-learner" || change.kind === "update") return `${change.kind} ${change.member.id}`;
  if (change.kind === "replace") return `replace ${change.old}`;
  return change.kind === "raise-version" ? change.kind : `${change.kind} ${change.key}`;
}
