import type { Transport } from "../node/index.ts";

/** For a cluster of one without a peer port: there is nobody to talk to. */
export function createNoTransport(): Transport {
  return {
    start: () => undefined,
    send: () => undefined,
    sendSnapshot: (snapshot) => snapshot.done(false),
    cancelSnapshot: () => undefined,
    setMembers: () => undefined,
    stop: (done) => done(),
  };
}
