import type { ClusterId, Epoch, MemberKey } from "../../src/base/index.ts";
import type { Message, Observation } from "../../src/raft/index.ts";
import type { RaftNode } from "../../src/node/index.ts";
import type { LogDisk } from "./disk/log-disk.ts";
import type { SnapshotDisk } from "./disk/snapshot-disk.ts";
import type { Traps } from "./faults/traps.ts";
import type { Gate } from "./gate.ts";
import type { Fail } from "./invariants/reporter.ts";
import type { MachineClock } from "./machine-clock.ts";
import type { Marks } from "./marks.ts";
import type { Network } from "./network/network.ts";
import type { Observed, Oracle } from "./oracle.ts";
import type { Ledger } from "./registry/ledger.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SwarmOptions } from "./swarm.ts";
import type { Trace } from "./trace.ts";
import type { SimulatedMachine } from "./workload/tiny-machine.ts";

/** A machine as its process sees it. */
export interface Machine {
  readonly number: number;
  readonly id: string;
  readonly key: MemberKey;
  readonly clock: MachineClock;
  readonly traps: Traps;
  readonly log: LogDisk;
  readonly snapshots: SnapshotDisk;
  readonly isRolledBack: boolean;
  readonly commandVersion: number;
  kill(downMs: number, isPowerCut: boolean): void;
  onUntrusted(reason: string): void;
  /** Something on its disks cannot be read any more, and nothing there makes up for it. */
  readonly isMarred: boolean;
  onNothingToRestore(): void;
}

/** A process as the others see it. */
export interface Running extends Gate, Observed {
  readonly host: Machine;
  readonly machine: SimulatedMachine;
  readonly node: RaftNode | undefined;
  readonly isPaused: boolean;
  readonly lastPauseEnd: number;
  /** The term that it leads in, as far as it knows. */
  ledTerm: number | undefined;
  candidateTerm: number;
  /** Elections in a row that it took part in. */
  candidacies: number;
  ledSince: number;
  checkStatus(): void;
}

/** A process beside the one of its machine. */
export interface Beside {
  readonly log: LogDisk;
  readonly process: Running | undefined;
  kill(): void;
}

/** What machines and processes need of the world they are in. */
export interface Stage {
  readonly options: SwarmOptions;
  readonly scheduler: Scheduler;
  readonly marks: Marks;
  readonly trace: Trace;
  readonly fail: Fail;
  readonly oracle: Oracle;
  readonly ledger: Ledger;
  readonly network: Network;
  readonly clusterId: ClusterId;
  readonly epoch: Epoch;
  /** 16 hex digits that nobody else has. */
  mint(): string;
  /** After everything that a process does. */
  onStep(process: Running): void;
  onSend(process: Running, message: Message): void;
  onObservation(process: Running, observation: Observation): void;
  onStarted(process: Running): void;
  onDied(process: Running): void;
  onUntrusted(host: Machine, reason: string): void;
}

/** A client as the world sees it. */
export interface Caller {
  readonly isStopped: boolean;
  stop(): void;
  onDied(process: Running): void;
  /** It waits for the answer to a read from this process. */
  isReadingFrom(process: Running): boolean;
}
