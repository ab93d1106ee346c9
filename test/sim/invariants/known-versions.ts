import type { LogIndex, MemberKey } from "../../../src/base/index.ts";
import type { Membership } from "../../../src/raft/index.ts";
import type { Fail } from "./reporter.ts";

/** Nobody has a membership of a cluster version that the release on a member's machine does not understand. */
export function checkUnderstood(
  { clusterVersion, members }: Pick<Membership, "clusterVersion" | "members">,
  machines: readonly { readonly key: MemberKey; readonly commandVersion: number }[],
  fail: Fail,
): void {
  for (const { key, commandVersion } of machines) {
    if (commandVersion >= clusterVersion || !members.has(key)) continue;
    fail("members understand the cluster version", `${key} understands ${commandVersion}, not ${clusterVersion}`);
  }
}

/** What is committed needs no more than the members agreed on before. */
export function checkAgreed(
  index: LogIndex,
  { needs, agreed }: { readonly needs: number; readonly agreed: number },
  fail: Fail,
): void {
  if (needs > agreed) fail("commands are agreed on", `that at ${index} needs version ${needs}, agreed on is ${agreed}`);
}
