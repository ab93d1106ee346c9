import { memberKey, type Clock, type MemberKey } from "../base/index.ts";
import type { Member, RaftNode } from "../node/index.ts";
import type { PeerCalls } from "./peer-calls.ts";
import { encodeAdmission } from "./wire.ts";

const LOOK_MS = 500;
const CHANGE_MS_MAX = 10_000;

export interface OwnRecordOptions {
  readonly node: RaftNode;
  readonly clock: Clock;
  readonly self: Member;
  /** Undefined: there is no peer port, so this node is alone. */
  readonly calls: Pick<PeerCalls, "call"> | undefined;
}

/**
 * What the membership says of this node follows what the node is: after a restart with another release, zone or name. A
 * follower tells the leader, which puts it into the membership. Returns the end of it.
 */
export function keepOwnRecord({ node, clock, self, calls }: OwnRecordOptions): () => void {
  let isOver = false;
  const look = (): void => {
    if (isOver) return;
    const { core } = node.status();
    const key = memberKey(self.id, self.incarnation);
    const known = core.membership.members.get(key);
    const isMoved = core.role === "leader" && known?.address !== self.address;
    if (known !== undefined && (isMoved || !isSame(known, self))) {
      if (core.role === "leader") takeRecord({ node, clock }, self);
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

/**
 * As the leader: puts what a member says of itself into the membership. Its role is not its own to choose, and only the
 * leader changes its own address by itself.
 */
export function takeRecord({ node, clock }: Pick<OwnRecordOptions, "node" | "clock">, said: Member): void {
  const { core, self } = node.status();
  const key: MemberKey = memberKey(said.id, said.incarnation);
  const known = core.membership.members.get(key);
  if (core.role !== "leader" || known === undefined) return;
  const { name, httpAddress, zone, version, commandVersion } = said;
  const address = key === self ? said.address : known.address;
  const member = { ...known, name, address, httpAddress, zone, version, commandVersion };
  const request = { changes: [{ kind: "update", member }], expectIndex: core.membershipIndex } as const;
  // Whatever becomes of it: the member looks again soon.
  node.change(request, clock.now() + CHANGE_MS_MAX, () => undefined);
}

function isSame(known: Member, self: Member): boolean {
  const isSoftware = known.version === self.version && known.commandVersion === self.commandVersion;
  const isPlace = known.httpAddress === self.httpAddress && known.zone === self.zone;
  return isSoftware && isPlace && known.name === self.name;
}
