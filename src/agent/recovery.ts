import { existsSync, readdirSync } from "node:fs";
import { err, memberKey, ok, parseMemberKey, type LogIndex, type Result } from "../base/index.ts";
import { createKonsulFsm, type KonsulFsm } from "../fsm/index.ts";
import { recover, type Identity, type Member, type SnapshotDraft, type SnapshotStore } from "../node/index.ts";
import { chainStart, decodeMembership, lastRecovered, recoveredTerm, type Membership } from "../raft/index.ts";
import { openStores } from "../storage/index.ts";
import { mintPeerKey } from "../transport/index.ts";
import { withFolderCopy, type FolderContents, type FolderTrust } from "./folder-copy.ts";
import { mintBootId, mintIncarnation } from "./identity.ts";
import { randomHex } from "./random-hex.ts";
import { unfinished } from "./unfinished.ts";

/**
 * Indexes that entries which are lost may have handed out (as `modify_index`, as fencing tokens) are never handed out
 * again.
 */
const INDEX_GAP = 2 ** 20;
const PART_BYTES = 256 * 1024;

/** What a data folder holds. */
export interface FolderFindings {
  readonly folder: string;
  readonly identity: Identity;
  readonly term: number;
  readonly lastTerm: number;
  readonly lastIndex: LogIndex;
  /** Entries up to here are committed for sure; later ones may be, too. */
  readonly commitHint: LogIndex;
  readonly snapshotIndex: LogIndex;
  readonly voters: readonly string[];
  readonly keys: number;
  readonly stateHash: string;
}

export interface Recovery extends FolderFindings {
  readonly to: string;
  readonly epoch: Identity["epoch"];
  readonly newIndex: LogIndex;
}

interface Opened {
  readonly findings: FolderFindings;
  readonly machine: KonsulFsm;
  readonly membership: Membership;
}

/** Reads a folder, from a copy: the folder itself stays as it is, byte for byte. The error is a sentence. */
export async function inspectFolder(folder: string, trust: FolderTrust): Promise<Result<FolderFindings, string>> {
  const opened = await openCopy(folder, trust);
  return opened.ok ? ok(opened.value.findings) : opened;
}

/**
 * Makes a cluster of one, in a new epoch, out of what one folder holds: everything in its log counts as committed. The
 * result is a new folder. Nodes of the old epoch are turned away by it, and join it empty.
 */
export async function recoverFolder(folder: string, to: string, trust: FolderTrust): Promise<Result<Recovery, string>> {
  if (existsSync(to) && readdirSync(to).length > 0) return err(`${to} is not empty: name another folder with --to`);
  const opened = await openCopy(folder, trust);
  if (!opened.ok) return opened;
  const { findings, machine, membership } = opened.value;
  const old = findings.identity;
  const own = membership.members.get(memberKey(old.nodeId, old.incarnation));
  if (own === undefined) return err(`${folder} does not know itself as a member: choose another one`);
  const epoch = { counter: old.epoch.counter + 1, random: randomHex(4) };
  const { secret: peerSecret, publicKey } = mintPeerKey();
  const identity: Identity = { ...old, epoch, incarnation: mintIncarnation(), peerSecret };
  const newIndex = findings.lastIndex + INDEX_GAP;
  for (let index = machine.appliedIndex + 1; index <= newIndex; index += 1) {
    machine.apply({ index, kind: "noop", time: machine.appliedTime, data: new Uint8Array(0) });
  }
  // Half a folder would pass for a member that lost its snapshot.
  const half = unfinished(to);
  const written = await write(to, identity, {
    machine,
    term: findings.term + 1,
    self: { ...own, incarnation: identity.incarnation, admitted: newIndex, publicKey },
    clusterVersion: membership.clusterVersion,
  });
  if (!written.ok) {
    half.remove();
    return written;
  }
  half.keep();
  return ok({ ...findings, to, epoch, newIndex });
}

async function openCopy(folder: string, trust: FolderTrust): Promise<Result<Opened, string>> {
  return withFolderCopy(folder, trust, async (contents) => replay(folder, contents));
}

async function replay(
  folder: string,
  { identity, stored, snapshots, eachEntry }: FolderContents,
): Promise<Result<Opened, string>> {
  const machine = createKonsulFsm();
  const restored = await new Promise<Parameters<Parameters<typeof recover>[1]>[0]>((resolve) => {
    recover({ identity, stored, snapshots, machine, note: () => undefined }, resolve);
  });
  if (!restored.ok) return err(`The data in ${folder} cannot be used: ${restored.error}`);
  const { snapshot } = restored.value;
  let membership = snapshot?.membership;
  const last = restored.value.mustReset ? 0 : lastRecovered(stored);
  const problem = await eachEntry(machine.appliedIndex + 1, last, (entry) => {
    machine.apply(entry);
    if (entry.kind === "membership") membership = decodeMembership(entry.data);
  });
  if (problem !== undefined) return err(`The data in ${folder} cannot be used: ${problem}`);
  if (membership === undefined) return err(`${folder} holds no membership: it never was part of a cluster`);
  const findings = {
    folder,
    identity,
    term: stored.hard.term,
    lastTerm: recoveredTerm(stored, last) ?? snapshot?.term ?? stored.base.term,
    lastIndex: machine.appliedIndex,
    commitHint: Math.max(stored.commitHint, snapshot?.index ?? 0),
    snapshotIndex: snapshot?.index ?? 0,
    voters: membership.voters.map((key) => parseMemberKey(key).id),
    keys: machine.keyCount(),
    stateHash: machine.stateHash(),
  };
  return ok({ findings, machine, membership });
}

interface Beginning {
  readonly machine: KonsulFsm;
  readonly term: number;
  readonly self: Member;
  readonly clusterVersion: number;
}

/** An empty log and one snapshot: as a node that was cut off while it installed one, so that its start finishes it. */
async function write(to: string, identity: Identity, beginning: Beginning): Promise<Result<undefined, string>> {
  const { machine, term, self, clusterVersion } = beginning;
  const stores = await openStores({ dataDir: to, boot: mintBootId(), reserveBytes: 0 });
  if (stores.kind !== "opened") return err(`Cannot write to ${to}: ${stores.message}`);
  const { log, snapshots } = stores;
  const bootstrapped = await new Promise<Result<unknown, { readonly message: string }>>((resolve) => {
    log.bootstrap(identity, { hard: { term, vote: undefined }, entries: [] }, resolve);
  });
  const key = memberKey(identity.nodeId, identity.incarnation);
  const index = machine.appliedIndex;
  const frozen = machine.freeze();
  const draft: SnapshotDraft = {
    id: `${term}-${index}-recovered`,
    clusterId: identity.clusterId,
    epoch: identity.epoch,
    index,
    term,
    chain: chainStart(identity.clusterId, identity.epoch),
    time: machine.appliedTime,
    membership: {
      voters: [key],
      outgoing: [],
      learners: [],
      learnersNext: [],
      autoLeave: true,
      members: new Map([[key, self]]),
      clusterVersion,
    },
    membershipIndex: index,
    seqs: [],
    stateHash: machine.stateHash(),
    hashVersion: frozen.hashVersion,
    format: frozen.format,
    origin: "received",
  };
  const stored = bootstrapped.ok ? await store(snapshots, frozen, draft) : err(bootstrapped.error.message);
  await new Promise<void>((resolve) => log.close(resolve));
  await new Promise<void>((resolve) => snapshots.close(resolve));
  return stored.ok ? ok(undefined) : err(`Cannot write to ${to}: ${stored.error}`);
}

async function store(
  snapshots: SnapshotStore,
  frozen: ReturnType<KonsulFsm["freeze"]>,
  draft: SnapshotDraft,
): Promise<Result<undefined, string>> {
  const writer = snapshots.create();
  for (let part = frozen.next(PART_BYTES); part !== undefined; part = frozen.next(PART_BYTES)) {
    const bytes = part;
    const failure = await new Promise<{ readonly message: string } | undefined>((resolve) =>
      writer.write(bytes, resolve),
    );
    if (failure !== undefined) return err(failure.message);
  }
  frozen.release();
  return new Promise((resolve) => {
    writer.complete(draft, (result) => resolve(result.ok ? ok(undefined) : err(result.error.message)));
  });
}
