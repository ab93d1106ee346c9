/** What a machine forgets, or who remembers too much. */
export const AMNESIAS = ["wipe", "rollback", "last transaction", "vote", "clone", "old incarnation"] as const;
/** What the machine is at that moment. */
export const ROLES = ["leader", "follower", "candidate"] as const;
/** What else is the matter. */
export const SCENES = ["leader down", "partition", "joint", "learner"] as const;

interface Cell {
  readonly what: (typeof AMNESIAS)[number];
  readonly role: (typeof ROLES)[number];
  readonly scene: (typeof SCENES)[number];
}

/** All cells of the matrix; a leader that is hit is not down already. */
export const AMNESIA_MARKS: readonly string[] = AMNESIAS.flatMap((what) =>
  ROLES.flatMap((role) =>
    SCENES.filter((scene) => role !== "leader" || scene !== "leader down").map((scene) =>
      cellOf({ what, role, scene }),
    ),
  ),
);

export function cellOf({ what, role, scene }: Cell): string {
  return `amnesia: ${what}, ${role}, ${scene}`;
}
