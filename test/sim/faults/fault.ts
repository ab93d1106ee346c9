import type { MessageBody } from "../../../src/raft/index.ts";
import type { AMNESIAS, ROLES, SCENES } from "./amnesia-matrix.ts";
import type { NemesisName } from "../nemesis/nemesis.ts";

/** Who is hit: a role at the moment of the fault, or the n-th host. Survives the removal of other faults while shrinking. */
export type Target = { readonly kind: "leader" } | { readonly kind: "host"; readonly number: number };

/** One thing that goes wrong, as data: a run's faults are a list that can be shortened and played again. */
export type FaultBody =
  | { readonly kind: "crash"; readonly target: Target; readonly downMs: number; readonly isPowerCut: boolean }
  | { readonly kind: "crash-all"; readonly downMs: readonly number[]; readonly isPowerCut: boolean }
  | {
      readonly kind: "crash-at-send";
      readonly target: Target;
      readonly message: MessageBody["kind"];
      readonly isSent: boolean;
      readonly downMs: number;
    }
  | {
      readonly kind: "crash-at-sync";
      readonly target: Target;
      readonly countdown: number;
      readonly moment: "before" | "after";
      readonly downMs: number;
    }
  | {
      readonly kind: "crash-at-snapshot";
      readonly target: Target;
      readonly moment: "write" | "receive" | "install";
      readonly downMs: number;
    }
  | { readonly kind: "stop"; readonly target: Target; readonly downMs: number }
  | { readonly kind: "pause"; readonly target: Target; readonly forMs: number }
  | { readonly kind: "clock-jump"; readonly target: Target; readonly byMs: number }
  | {
      readonly kind: "partition";
      readonly shape: "isolate" | "deaf" | "mute" | "halves" | "bridge" | "one-link";
      readonly target: Target;
      readonly salt: number;
      readonly forMs: number;
      readonly isHeld: boolean;
    }
  | { readonly kind: "reset"; readonly target: Target; readonly isAll: boolean }
  | { readonly kind: "slow-link"; readonly target: Target; readonly extraMs: number; readonly forMs: number }
  | { readonly kind: "slow-disk"; readonly target: Target; readonly extraMs: number; readonly forMs: number }
  | { readonly kind: "disk-full"; readonly target: Target; readonly forMs: number }
  | { readonly kind: "sync-failure"; readonly target: Target; readonly downMs: number }
  | { readonly kind: "wipe"; readonly target: Target; readonly downMs: number }
  | { readonly kind: "damage-snapshot"; readonly target: Target }
  | { readonly kind: "outrun"; readonly target: Target; readonly count: number; readonly forMs: number }
  /** Bytes change at rest: of one entry of the log, or of every snapshot. */
  | { readonly kind: "bit-rot"; readonly target: Target; readonly place: "entry" | "snapshots"; readonly at: number }
  /** The folder is copied; later a leader dies whose last writes are here and nowhere else, and the copy is put back. */
  | {
      readonly kind: "rollback";
      readonly target: Target;
      readonly afterMs: number;
      readonly forMs: number;
      readonly downMs: number;
    }
  /** A machine in this role, in this scene, forgets. */
  | {
      readonly kind: "amnesia";
      readonly what: (typeof AMNESIAS)[number];
      readonly role: (typeof ROLES)[number];
      readonly scene: (typeof SCENES)[number];
      readonly afterMs: number;
      readonly forMs: number;
      readonly downMs: number;
      readonly salt: number;
    }
  /** With `isCut` the target dies when it campaigns, before anybody hears of its new term. */
  | { readonly kind: "transfer"; readonly target: Target; readonly isCut: boolean }
  /** The leader is cut off with writes that nobody else gets, and when it comes back the next one dies. */
  | {
      readonly kind: "strand";
      readonly target: Target;
      readonly count: number;
      readonly forMs: number;
      readonly downMs: number;
    }
  | { readonly kind: "snapshot"; readonly target: Target }
  | { readonly kind: "cut-transfers" }
  | { readonly kind: "remove"; readonly target: Target; readonly forMs: number; readonly isTold: boolean }
  | { readonly kind: "demote"; readonly target: Target; readonly forMs: number }
  | { readonly kind: "raw-change"; readonly salt: number }
  | { readonly kind: "burst"; readonly target: Target; readonly count: number }
  /** An attack of several steps, drawn apart from all other faults. */
  | { readonly kind: "nemesis"; readonly name: NemesisName; readonly salt: number };

export type FaultClass = Exclude<FaultBody["kind"], "nemesis">;

export interface Fault {
  /** Simulated ms. */
  readonly at: number;
  readonly body: FaultBody;
}

/** All classes that a seed draws from. */
export const FAULT_CLASSES: readonly FaultClass[] = [
  "crash",
  "crash-all",
  "crash-at-send",
  "crash-at-sync",
  "crash-at-snapshot",
  "stop",
  "pause",
  "clock-jump",
  "partition",
  "reset",
  "slow-link",
  "slow-disk",
  "disk-full",
  "sync-failure",
  "wipe",
  "damage-snapshot",
  "transfer",
  "strand",
  "snapshot",
  "cut-transfers",
  "remove",
  "demote",
  "raw-change",
  "burst",
];

/** Drawn from a stream of their own, so that seeds from before they were known keep their meaning. */
export const LATER_FAULT_CLASSES: readonly FaultClass[] = ["rollback", "amnesia", "bit-rot", "outrun"];

export function describeFault({ at, body }: Fault): string {
  return `${at.toFixed(1)} ms ${JSON.stringify(body)}`;
}
