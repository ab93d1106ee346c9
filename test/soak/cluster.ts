import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Network } from "./network.ts";
import { SoakNode } from "./soak-node.ts";
import type { Tally } from "./tally.ts";

const NODES = 5;
/** Never killed. */
const VETERANS = 2;
/** The last ones have a small disk of their own. */
const SMALL_DISKS = 2;
const SMALL_DISK_SIZE = "192m";

export interface ClusterStatus {
  readonly voters: number;
  readonly leader: string | undefined;
  readonly term: number;
  readonly members: readonly string[];
  readonly lastIndex: number;
  readonly firstIndex: number;
}

/** Five agents in five namespaces. */
export class SoakCluster {
  readonly nodes: readonly SoakNode[];
  readonly network = new Network(NODES);
  readonly folder = mkdtempSync(join(tmpdir(), "konsul-soak-"));
  readonly #mounts: string[] = [];

  constructor(tally: Tally, patience: number) {
    const { addresses, names } = this.network;
    const peers = addresses.map((address) => `${address}:7000`);
    this.nodes = addresses.map((address, at) => {
      const hasSmallDisk = at >= NODES - SMALL_DISKS;
      const disk = join(this.folder, `node-${at}`);
      mkdirSync(disk);
      if (hasSmallDisk) this.#mount(disk);
      const logFile = join(this.folder, `node-${at}.log`);
      const own = { patience, id: `node-${at}`, namespace: names[at] ?? "", address, peers, disk, logFile };
      return new SoakNode({ ...own, hasSmallDisk, isVeteran: at < VETERANS }, tally);
    });
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ url }) => url);
  }

  async status(node: SoakNode): Promise<ClusterStatus | undefined> {
    interface Shape {
      readonly voters?: number;
      readonly leader?: { readonly id: string } | null;
      readonly nodes?: readonly { readonly id: string }[];
      readonly stats?: { readonly term: number; readonly last_log_index: number; readonly first_log_index: number };
    }
    const signal = AbortSignal.timeout(2000);
    const answer = await fetch(`${node.url}/cluster/status`, { signal }).catch(() => undefined);
    if (answer?.status !== 200) return undefined;
    const body: Shape = Object(await answer.json().catch(() => ({})));
    return {
      voters: body.voters ?? 0,
      leader: body.leader?.id,
      term: body.stats?.term ?? 0,
      members: (body.nodes ?? []).map(({ id }) => id),
      lastIndex: body.stats?.last_log_index ?? 0,
      firstIndex: body.stats?.first_log_index ?? 0,
    };
  }

  /** The node that leads, as somebody who is asked says; undefined: nobody knows one. */
  async leader(): Promise<SoakNode | undefined> {
    for (const node of this.nodes) {
      const id = node.isRunning ? (await this.status(node))?.leader : undefined;
      const leader = this.nodes.find(({ options }) => options.id === id);
      if (leader !== undefined) return leader;
    }
    return undefined;
  }

  /** Every node is a voter, and ready. */
  async isWhole(): Promise<boolean> {
    for (const node of this.nodes) {
      const signal = AbortSignal.timeout(2000);
      const ready = await fetch(`${node.url}/health/ready`, { signal }).catch(() => undefined);
      if (ready?.status !== 200 || (await this.status(node))?.voters !== NODES) return false;
    }
    return true;
  }

  async remove(isKept: boolean): Promise<void> {
    for (const node of this.nodes) {
      node.signal("SIGCONT");
      await node.end("SIGKILL");
    }
    this.network.remove();
    for (const mount of isKept ? [] : this.#mounts) Bun.spawnSync(["umount", "-l", mount]);
    if (!isKept) rmSync(this.folder, { recursive: true, force: true });
  }

  #mount(disk: string): void {
    const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${SMALL_DISK_SIZE}`, "tmpfs", disk]);
    if (!mounted.success) throw new Error(`a small disk cannot be mounted: ${mounted.stderr.toString()}`);
    this.#mounts.push(disk);
  }
}
