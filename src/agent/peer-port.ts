import { readFileSync } from "node:fs";
import { CLUSTER_VERSION_MAX, err, ok, VERSION, type BootId, type Clock, type Result } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import type { Identity, Member } from "../node/index.ts";
import type { Logger, Metrics } from "../telemetry/index.ts";
import {
  createTcpTransport,
  parseHostPort,
  type PeerKey,
  type SelfIntroduction,
  type TcpTransport,
} from "../transport/index.ts";
import type { TlsFiles } from "./tls-files.ts";

export interface PeerPortOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly boot: BootId;
  readonly self: Member;
  readonly peerKey: PeerKey;
  /** Undefined: plain TCP. */
  readonly tls: TlsFiles | undefined;
}

/** What this node says of its cluster in each handshake. */
export interface OwnCluster {
  /** Undefined: it belongs to none. */
  readonly identity: Identity | undefined;
  /** What every member must understand; 0: this node belongs to no cluster. */
  readonly clusterVersion: number;
  /** Transactions that the log held when this process opened it. */
  readonly startSeq: number;
}

/** The transport behind the peer port, with `listen` still to be called. The error is a sentence for the operator. */
export function createPeerPort(
  options: PeerPortOptions,
  ownCluster: () => OwnCluster | undefined,
): Result<TcpTransport, string> {
  const { config, clock, logger, metrics } = options;
  const bind = parseHostPort(config.raft.bindAddress);
  if (bind === undefined) return err(`Cannot listen for peers on "${config.raft.bindAddress}": it is no HOST:PORT`);
  return ok(
    createTcpTransport({
      clock,
      random: Math.random,
      bind,
      peerKey: options.peerKey,
      clusterVersion: () => ownCluster()?.clusterVersion ?? 0,
      self: () => introduce(options, ownCluster()),
      tokens: () => readTokens(config),
      tls: () =>
        options.tls === undefined
          ? undefined
          : {
              ...options.tls.current,
              isNameChecked: config.raft.tls.isNameChecked,
              minVersion: config.raft.tls.minVersion,
            },
      warn: (message, fields) => logger.warn(message, fields),
      onRejected: (reason) => metrics.increase("konsul_peer_rejected_total", { reason }),
      snapshots: config.snapshots,
    }),
  );
}

/** Opens the port. The error is a sentence for the operator. */
export function listenForPeers({ config, tls }: PeerPortOptions, transport: TcpTransport): Result<undefined, string> {
  tls?.onChange(() => transport.renewCertificates());
  try {
    transport.listen();
    return ok(undefined);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return err(
      `Cannot listen for peers on ${config.raft.bindAddress}: ${why}. Stop what uses it, or set raft.bind_addr`,
    );
  }
}

function introduce({ self, boot }: PeerPortOptions, ownCluster: OwnCluster | undefined): ReturnType<SelfIntroduction> {
  const identity = ownCluster?.identity;
  return {
    protocolMin: 1,
    protocolMax: 1,
    clusterId: identity?.clusterId ?? "",
    epoch: identity?.epoch ?? { counter: 0, random: "00000000" },
    id: self.id,
    name: self.name,
    incarnation: self.incarnation,
    boot,
    seq: ownCluster?.startSeq ?? 0,
    version: VERSION,
    commandVersion: CLUSTER_VERSION_MAX,
    address: self.address,
  };
}

/** Settings first, then the file, one token a line; read anew each time, so that tokens rotate without a restart. */
function readTokens(config: Config): readonly string[] {
  const { joinTokens, joinTokenFile } = config.raft;
  if (joinTokenFile === "") return joinTokens;
  const lines = readFileSync(joinTokenFile, "utf8").split("\n");
  return [...joinTokens, ...lines.map((line) => line.trim()).filter((line) => line !== "")];
}
