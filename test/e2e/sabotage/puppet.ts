import { createSystemClock } from "../../../src/agent/system-clock.ts";
import { parseMemberKey, type MemberKey } from "../../../src/base/index.ts";
import type { Identity } from "../../../src/node/index.ts";
import type { Message } from "../../../src/raft/index.ts";
import { memberOf } from "../../../src/raft/testing/fixtures.ts";
import { openStores } from "../../../src/storage/index.ts";
import { createTcpTransport, NO_PEER_KEY, peerKeyOf } from "../../../src/transport/index.ts";

const BOOT = "00000000000000bb";

/** Who a stopped node is, as its folder says. */
export async function identityIn(dataDir: string): Promise<Identity> {
  const stores = await openStores({ dataDir, boot: BOOT });
  if (stores.kind !== "opened") throw new Error(stores.message);
  const { identity } = stores.log.initial;
  await new Promise<void>((resolve) => stores.log.close(resolve));
  await new Promise<void>((resolve) => stores.snapshots.close(resolve));
  if (identity === undefined) throw new Error(`${dataDir} belongs to no cluster`);
  return identity;
}

export interface Puppet {
  /** Asks for a real vote, as a leader's chosen successor does, and waits for the answer. */
  askForVote(term: number): Promise<boolean>;
  end(): Promise<void>;
}

/** Speaks for a stopped member, on its port, with one member that runs. */
export function playMember(
  own: Identity,
  ownPort: number,
  to: { readonly identity: Identity; readonly port: number },
): Puppet {
  const answers: Message[] = [];
  const peer: MemberKey = `${to.identity.nodeId}~${to.identity.incarnation}`;
  const transport = createTcpTransport({
    clock: createSystemClock(),
    random: Math.random,
    bind: { host: "127.0.0.1", port: ownPort },
    self: () => ({
      protocolMin: 1,
      protocolMax: 1,
      clusterId: own.clusterId,
      epoch: own.epoch,
      id: own.nodeId,
      name: own.nodeId,
      incarnation: own.incarnation,
      boot: BOOT,
      seq: 1_000_000,
      lastIndex: 0,
      version: "0",
      commandVersion: 1,
      address: `127.0.0.1:${ownPort}`,
    }),
    peerKey: own.peerSecret === undefined ? NO_PEER_KEY : peerKeyOf(own.peerSecret),
    clusterVersion: () => 1,
    tokens: () => ["secret"],
    tls: () => undefined,
    warn: () => undefined,
    onRejected: () => undefined,
    snapshots: { sendsMax: 1, bytesPerSecond: Infinity },
  });
  let isConnected = false;
  transport.listen();
  transport.start({
    onMessage: (message) => void answers.push(message),
    onHello: () => {
      isConnected = true;
    },
    onPeerDown: () => undefined,
    onPeerGone: () => undefined,
    onDuplicatePair: () => undefined,
    onSnapshotChunk: () => undefined,
  });
  const { id, incarnation } = parseMemberKey(peer);
  transport.setMembers([memberOf(id, { incarnation, address: `127.0.0.1:${to.port}` })]);
  return {
    askForVote: async (term) => {
      while (!isConnected) await Bun.sleep(10);
      for (;;) {
        transport.send([
          {
            kind: "vote",
            clusterId: own.clusterId,
            epoch: own.epoch,
            from: `${own.nodeId}~${own.incarnation}`,
            fromBoot: BOOT,
            to: peer,
            term,
            lastIndex: 1_000_000,
            lastTerm: term - 1,
            transfer: true,
          },
        ]);
        await Bun.sleep(100);
        const answer = answers.find((message) => message.kind === "vote-reply" && message.term === term);
        if (answer?.kind === "vote-reply") return answer.granted;
      }
    },
    end: async () => new Promise<void>((resolve) => transport.stop(resolve)),
  };
}
