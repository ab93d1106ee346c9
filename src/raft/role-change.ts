import { err, ok, type MemberKey, type Result } from "../base/index.ts";

/** Who plays which role, without any metadata. Joint exactly while `outgoing` is not empty. @see Raft §6 */
export interface Roles {
  readonly voters: ReadonlySet<MemberKey>;
  readonly outgoing: ReadonlySet<MemberKey>;
  readonly learners: ReadonlySet<MemberKey>;
  readonly learnersNext: ReadonlySet<MemberKey>;
  readonly autoLeave: boolean;
}

/** One step of a change; steps take effect in order. */
export type RoleStep =
  | { readonly kind: "add-voter"; readonly key: MemberKey }
  | { readonly kind: "add-learner"; readonly key: MemberKey }
  | { readonly kind: "remove"; readonly key: MemberKey };

/** Why a change of roles is impossible. */
export type RoleError =
  | "removed all voters"
  | "more than one voter changed without entering joint config"
  | "config is already joint"
  | "can't leave a non-joint config"
  | "can't make a zero-voter config joint"
  | "can't apply simple config change in joint config";

export interface RoleChange {
  readonly roles: Roles;
  /** Keys that came in, or left and came back: what is known of their progress does not hold for them. */
  readonly fresh: ReadonlySet<MemberKey>;
}

export const NO_ROLES: Roles = {
  voters: new Set(),
  outgoing: new Set(),
  learners: new Set(),
  learnersNext: new Set(),
  autoLeave: false,
};

/** Applies steps that change at most one voter in all, so that old and new majorities overlap. @see thesis §4.1 */
export function changeSimply(roles: Roles, steps: readonly RoleStep[]): Result<RoleChange, RoleError> {
  if (roles.outgoing.size > 0) return err("can't apply simple config change in joint config");
  const draft = new Draft(roles);
  for (const step of steps) draft.apply(step);
  if (draft.voters.size === 0) return err("removed all voters");
  if (countChangedVoters(roles.voters, draft.voters) > 1) {
    return err("more than one voter changed without entering joint config");
  }
  return ok(draft.finish(roles.autoLeave));
}

/** Applies any steps: until the joint state is left, quorums need both the old voters and the new. @see Raft §6 */
export function enterJoint(
  roles: Roles,
  steps: readonly RoleStep[],
  autoLeave: boolean,
): Result<RoleChange, RoleError> {
  if (roles.outgoing.size > 0) return err("config is already joint");
  if (roles.voters.size === 0) return err("can't make a zero-voter config joint");
  const draft = new Draft({ ...roles, outgoing: roles.voters });
  for (const step of steps) draft.apply(step);
  if (draft.voters.size === 0) return err("removed all voters");
  return ok(draft.finish(autoLeave));
}

/** Drops the old voters: those that were demoted become learners, those that were removed are gone. */
export function leaveJointRoles(roles: Roles): Result<RoleChange, RoleError> {
  if (roles.outgoing.size === 0) return err("can't leave a non-joint config");
  const left: Roles = {
    voters: roles.voters,
    outgoing: new Set(),
    learners: new Set([...roles.learners, ...roles.learnersNext]),
    learnersNext: new Set(),
    autoLeave: false,
  };
  return ok({ roles: left, fresh: new Set() });
}

/** How many keys are a voter on one side only. */
export function countChangedVoters(before: ReadonlySet<MemberKey>, after: ReadonlySet<MemberKey>): number {
  return before.symmetricDifference(after).size;
}

class Draft {
  readonly voters: Set<MemberKey>;
  readonly #outgoing: ReadonlySet<MemberKey>;
  readonly #learners: Set<MemberKey>;
  readonly #learnersNext: Set<MemberKey>;
  readonly #fresh = new Set<MemberKey>();

  constructor(roles: Roles) {
    this.voters = new Set(roles.voters);
    this.#outgoing = roles.outgoing;
    this.#learners = new Set(roles.learners);
    this.#learnersNext = new Set(roles.learnersNext);
  }

  apply(step: RoleStep): void {
    switch (step.kind) {
      case "add-voter":
        this.#makeVoter(step.key);
        return;
      case "add-learner":
        this.#makeLearner(step.key);
        return;
      case "remove":
        this.#remove(step.key);
        return;
    }
  }

  finish(autoLeave: boolean): RoleChange {
    const roles: Roles = {
      voters: this.voters,
      outgoing: this.#outgoing,
      learners: this.#learners,
      learnersNext: this.#learnersNext,
      autoLeave,
    };
    return { roles, fresh: this.#fresh };
  }

  #isKnown(key: MemberKey): boolean {
    return this.voters.has(key) || this.#outgoing.has(key) || this.#learners.has(key);
  }

  #makeVoter(key: MemberKey): void {
    if (!this.#isKnown(key)) this.#fresh.add(key);
    this.#learners.delete(key);
    this.#learnersNext.delete(key);
    this.voters.add(key);
  }

  #makeLearner(key: MemberKey): void {
    if (!this.#isKnown(key)) this.#fresh.add(key);
    this.voters.delete(key);
    // A voter of the outgoing half still counts there, and nobody is voter and learner at once: it waits.
    if (this.#outgoing.has(key)) this.#learnersNext.add(key);
    else this.#learners.add(key);
  }

  #remove(key: MemberKey): void {
    this.voters.delete(key);
    this.#learners.delete(key);
    this.#learnersNext.delete(key);
    if (!this.#outgoing.has(key)) this.#fresh.delete(key);
  }
}
