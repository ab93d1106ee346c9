import type { MemberKey } from "../../../src/base/index.ts";
import type { Membership } from "../../../src/raft/index.ts";
import { isBacked } from "./quorum-backed.ts";
import type { Fail } from "./reporter.ts";

/**
 * A leader that no quorum has spoken to for long has stepped down: its heartbeats would keep a connected majority from
 * electing another one. @see thesis §6.2
 */
export function checkContact(
  leader: MemberKey,
  membership: Membership,
  use: { readonly heardWithin: (key: MemberKey) => boolean; readonly fail: Fail },
): void {
  if (isBacked(membership, (key) => key === leader || use.heardWithin(key))) return;
  use.fail("a leader has contact", `${leader} goes on leading although no quorum has spoken to it for long`);
}
