import type { LogIndex } from "../base/index.ts";
import type { Observation } from "../raft/index.ts";
import type { NodeCondition, NodeObserver } from "./node-types.ts";

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

  onPersist(measure: { readonly durationMs: number; readonly entries: number; readonly bytes: number }): void {
    for (const observer of this.#all) observer.onPersist?.(measure);
  }

  onApply(measure: { readonly durationMs: number; readonly entries: number }): void {
    for (const observer of this.#all) observer.onApply?.(measure);
  }

  onCommit(measure: { readonly durationMs: number }): void {
    for (const observer of this.#all) observer.onCommit?.(measure);
  }

  onSnapshot(measure: { readonly durationMs: number; readonly sizeBytes: number; readonly index: LogIndex }): void {
    for (const observer of this.#all) observer.onSnapshot?.(measure);
  }

  onProposal(outcome: "applied" | "refused" | "unknown"): void {
    for (const observer of this.#all) observer.onProposal?.(outcome);
  }
}
