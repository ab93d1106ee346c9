import type { MemberKey } from "../base/index.ts";
import type { Replica } from "../replica/index.ts";

type Status = ReturnType<Replica["status"]>;

/** A leader hears all the others; another node knows at least with whom it has no connection. */
export function isUnreachable({ core, now, self }: Status, key: MemberKey, contactMsMax: number): boolean {
  if (key === self) return false;
  if (core.role !== "leader") return core.unconnected.includes(key);
  const peer = core.peers.find((one) => one.key === key);
  return peer === undefined || now - peer.lastContact > contactMsMax;
}
