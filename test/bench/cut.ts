import { constants } from "node:os";
import { cleanUp } from "../e2e/agent-process.ts";
import { complain } from "./bench.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const undoings = new Set<() => Promise<void>>();
let isCutShort = false;

/** Whether the run was ended before its time: what fails from then on is no finding. */
export function wasCutShort(): boolean {
  return isCutShort;
}

/** What must be undone, besides processes and folders, when the run is cut short. Returns what to call once it was undone. */
export function whenCutShort(undo: () => Promise<void>): () => void {
  undoings.add(undo);
  return () => undoings.delete(undo);
}

/** A signal, or an error that nobody waits for, leaves neither processes nor folders behind. */
export function leaveNothingBehind(): void {
  for (const signal of SIGNALS) process.once(signal, () => void cutShort(128 + constants.signals[signal]));
  process.once("uncaughtException", (cause) => {
    complain(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
    void cutShort(1);
  });
}

async function cutShort(code: number): Promise<void> {
  if (isCutShort) return;
  isCutShort = true;
  for (const undo of undoings) await undo();
  await cleanUp();
  process.exit(code);
}
