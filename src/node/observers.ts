import type { LogIndex, MemberKey, Term } from "../base/index.ts";
import type { Entry, Observation } from "../raft/index.ts";
import type { NodeCondition, NodeObserver, PersistMeasure, SnapshotMeasure } from "./node-types.ts";

/** Passes what the node measures on to everybody who asked. */
export class Observers implements NodeObserver {
  readonly #all: NodeObserver[] = [];

  add(observer: NodeObserver): void {
    this.#all.push(observer);
  }

  onObservation(observation: Observation): void {
    for (const observer of this.#all) observer.onObservation?.(observation);
  }

  onApplied(index: LogIndex): void {
    for (const observer of this.#all) observer.onApplied?.(index);
  }

  onCondition(condition: NodeCondition): void {
    for (const observer of this.#all) observer.onCondition?.(condition);
  }

  onPersist(measure: PersistMeasure): void {
    for (const observer of this.#all) observer.onPersist?.(measure);
  }

  onApply(measure: { readonly durationMs: number; readonly entries: number }): void {
    for (const observer of this.#all) observer.onApply?.(measure);
  }

  onCommit(measure: { readonly durationMs: number }): void {
    for (const observer of this.#all) observer.onCommit?.(measure);
  }

  onSnapshot(measure: SnapshotMeasure): void {
    for (const observer of this.#all) observer.onSnapshot?.(measure);
  }

  onSnapshotSent(measure: SnapshotMeasure & { readonly to: MemberKey; readonly isOk: boolean }): void {
    for (const observer of this.#all) observer.onSnapshotSent?.(measure);
  }

  onSnapshotInstalled(measure: SnapshotMeasure): void {
    for (const observer of this.#all) observer.onSnapshotInstalled?.(measure);
  }

  onTraced(entry: { readonly index: LogIndex; readonly term: Term; readonly trace: string }): void {
    for (const observer of this.#all) observer.onTraced?.(entry);
  }

  onAppend(entries: readonly Entry[]): void {
    for (const observer of this.#all) observer.onAppend?.(entries);
  }

  onCommitted(index: LogIndex): void {
    for (const observer of this.#all) observer.onCommitted?.(index);
  }

  onProposal(outcome: "applied" | "refused" | "unknown"): void {
    for (const observer of this.#all) observer.onProposal?.(outcome);
  }
}
