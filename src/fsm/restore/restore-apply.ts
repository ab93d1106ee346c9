import { EMPTY_BYTES, unreachable } from "../../base/index.ts";
import type { StateTable } from "../state/state-table.ts";
import type { RestoreCommand, RestoreCommit, RestoreResult } from "./restore-command.ts";
import { stagedKey, type StagedRow } from "./staged-row.ts";

const BEGIN: StagedRow["bytes"] = EMPTY_BYTES;

/**
 * Applies one command. The parts lie in a table of their own until the commit, so that they are in snapshots, and a new
 * leader finds what the old one had begun. `replace` puts the staged state in place of the present one.
 */
export function applyRestore(
  staged: StateTable<StagedRow>,
  command: RestoreCommand,
  replace: (parts: readonly Uint8Array[], claim: RestoreCommit) => RestoreResult,
): RestoreResult {
  switch (command.kind) {
    case "restore-begin":
      drop(staged);
      // The first row only says which restore is under way; part n has number n + 1.
      staged.set(stagedKey(0), Object.freeze({ id: command.id, bytes: BEGIN }));
      return { kind: "restore-staged" };
    case "restore-chunk": {
      if (!isUnderWay(staged, command.id)) return superseded();
      if (command.number !== staged.size - 1)
        return { kind: "restore-refused", reason: `part ${staged.size - 1} is missing` };
      staged.set(stagedKey(command.number + 1), Object.freeze({ id: command.id, bytes: command.bytes }));
      return { kind: "restore-staged" };
    }
    case "restore-commit": {
      if (!isUnderWay(staged, command.id)) return superseded();
      const parts = Array.from(staged.range({ from: stagedKey(1) }), ([, { bytes }]) => bytes);
      drop(staged);
      if (parts.length !== command.chunks)
        return { kind: "restore-refused", reason: `${parts.length} of ${command.chunks} parts are there` };
      return replace(parts, command);
    }
    case "restore-abort":
      if (!isUnderWay(staged, command.id)) return superseded();
      drop(staged);
      return { kind: "restore-staged" };
    default:
      return unreachable(command);
  }
}

function isUnderWay(staged: StateTable<StagedRow>, id: string): boolean {
  return staged.get(stagedKey(0))?.id === id;
}

function superseded(): RestoreResult {
  return { kind: "restore-refused", reason: "another restore took its place" };
}

function drop(staged: StateTable<StagedRow>): void {
  const keys = Array.from(staged.keys({}));
  for (const key of keys) staged.delete(key);
}
