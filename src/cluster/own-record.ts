import { memberKey, type Clock } from "../base/index.ts";
import type { Member, RaftNode } from "../node/index.ts";
import type { PeerCalls } from "./peer-calls.ts";
import { isSameRecord, putRecord } from "./records.ts";
import { encodeAdmission } from "./wire.ts";

const LOOK_MS = 500;

export interface OwnRecordOptions {
  readonly node: RaftNode;
  readonly clock: Clock;
  readonly self: Member;
  /** Undefined: there is no peer port, so this node is alone. */
  readonly calls: Pick<PeerCalls, "call"> | undefined;
}

/**
 * What the membership says of this node follows what the node is: after a restart with another release, zone, name or
 * address. A follower tells the leader, which puts it into the membership. Returns the end of it.
 */
export function keepOwnRecord({ node, clock, self, calls }: OwnRecordOptions): () => void {
  let isOver = false;
  const look = (): void => {
    if (isOver) return;
    const { core } = node.status();
    const known = core.membership.members.get(memberKey(self.id, self.incarnation));
    if (known !== undefined && !isSameRecord(known, self)) {
      if (core.role === "leader") putRecord({ node, clock }, known, self);
      else if (core.leader !== undefined) {
        const body = encodeAdmission({ member: self, formerCluster: "" });
        calls?.call(core.leader, { method: "record", body, timeoutMs: LOOK_MS }, () => undefined);
      }
    }
    clock.at(clock.now() + LOOK_MS, look);
  };
  clock.at(clock.now() + LOOK_MS, look);
  return () => {
    isOver = true;
  };
}
