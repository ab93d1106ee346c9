import type { Clock } from "../../../src/base/index.ts";
import type { KonsulFsm } from "../../../src/fsm/index.ts";
import type { RaftNode } from "../../../src/node/index.ts";
import { Registry, Replica, SessionKeeper } from "../../../src/replica/index.ts";
import type { Gate } from "../gate.ts";

/** What an agent runs above its node: the application as its clients see it. */
export interface FullNode {
  readonly fsm: KonsulFsm;
  readonly replica: Replica;
  readonly registry: Registry;
  readonly sessions: SessionKeeper;
  stop(): void;
}

export interface FullNodeParts {
  readonly node: RaftNode;
  readonly fsm: KonsulFsm;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
}

export function createFullNode(gate: Gate, { node, fsm, clock, requestTimeoutMs }: FullNodeParts): FullNode {
  const guarded = guard(gate, node);
  const limits = { requestTimeoutMs, waitMsMax: 60_000, watchersMax: 1000, stateBytesMax: 1e9 };
  const replica = new Replica({ node: guarded, fsm, clock, limits });
  const keeper = {
    fsm,
    clock,
    leadingTerm: () => replica.leadingTerm(),
    confirm: async () => replica.prepareRead({ isConsistent: true }),
    write: replica.write.bind(replica),
  };
  const registry = new Registry(keeper);
  const sessions = new SessionKeeper(keeper);
  return {
    fsm,
    replica,
    registry,
    sessions,
    stop: () => {
      registry.stop();
      sessions.stop();
    },
  };
}

/** What continues after a process died, or while it is paused, reaches its node as little as real code would. */
function guard(gate: Gate, node: RaftNode): RaftNode {
  return {
    start: () => node.start(),
    propose: (...given) => gate.enter(() => node.propose(...given)),
    readPoint: (...given) => gate.enter(() => node.readPoint(...given)),
    waitApplied: (...given) => gate.enter(() => node.waitApplied(...given)),
    change: (...given) => gate.enter(() => node.change(...given)),
    transfer: (...given) => gate.enter(() => node.transfer(...given)),
    takeSnapshot: (...given) => gate.enter(() => node.takeSnapshot(...given)),
    holdPromotions: (until) => gate.enter(() => node.holdPromotions(until)),
    status: () => node.status(),
    logSizeBytes: () => node.logSizeBytes(),
    distrust: (reason) => node.distrust(reason),
    onConfession: (peer) => gate.enter(() => node.onConfession(peer)),
    observe: (observer) => node.observe(observer),
    stop: (...given) => node.stop(...given),
  };
}
