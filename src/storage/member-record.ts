import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { decodeCheckedRecord, encodeCheckedRecord, type ClusterId, type NodeId } from "../base/index.ts";
import type { Identity } from "../node/index.ts";
import { errnoOf } from "./failures.ts";
import { syncDirectory, type StorePaths } from "./files.ts";

/** Which cluster this data folder belongs to for good. A folder with this record is never pristine. */
export interface MembershipRecord {
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
}

/** Durable on return. Stands outside `raft/`, so that quarantine keeps it. */
export function writeMembershipRecord(paths: StorePaths, { clusterId, nodeId }: Identity): void {
  const temporary = `${paths.member}.new`;
  const fd = openSync(temporary, "w", 0o600);
  try {
    writeSync(fd, encodeCheckedRecord({ format: 1, clusterId, nodeId }));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, paths.member);
  syncDirectory(paths.member);
}

/** `damaged`: there is one, but it cannot be read; such a folder is not pristine either. */
export function readMembershipRecord(paths: StorePaths): MembershipRecord | "damaged" | undefined {
  let text: string;
  try {
    text = readFileSync(paths.member, "utf8");
  } catch (cause) {
    return errnoOf(cause) === "ENOENT" ? undefined : "damaged";
  }
  const found = decodeCheckedRecord(text);
  const [clusterId, nodeId] = [found?.get("clusterId"), found?.get("nodeId")];
  return typeof clusterId === "string" && typeof nodeId === "string" ? { clusterId, nodeId } : "damaged";
}
