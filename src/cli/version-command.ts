import { CLUSTER_VERSION_MAX, CLUSTER_VERSION_MIN, COMMIT, VERSION } from "../base/index.ts";
import type { Invocation } from "./command.ts";
import { print, printJson } from "./output.ts";

/** Versions of the peer protocol that this release speaks, and of clusters that it can be part of. */
const PROTOCOLS = { peer: { min: 1, max: 1 }, cluster: { min: CLUSTER_VERSION_MIN, max: CLUSTER_VERSION_MAX } };

export async function version(call: Invocation): Promise<number> {
  if (call.flags.has("json")) printJson({ version: VERSION, commit: COMMIT, protocols: PROTOCOLS, bun: Bun.version });
  else {
    const { peer, cluster } = PROTOCOLS;
    const versions = `peer protocol ${peer.min} to ${peer.max}, cluster version ${cluster.min} to ${cluster.max}`;
    print(`konsul ${VERSION} (commit ${COMMIT}), ${versions}`);
  }
  return 0;
}
