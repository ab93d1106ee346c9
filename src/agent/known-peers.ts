import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RaftNode } from "../node/index.ts";

/** Peer addresses of the other members as this folder knew them last; where a node asks that lost the rest of it. */
export function readKnownPeers(dataDir: string): readonly string[] {
  try {
    const found: unknown = JSON.parse(readFileSync(fileIn(dataDir), "utf8"));
    return Array.isArray(found) ? found.filter((one): one is string => typeof one === "string" && one !== "") : [];
  } catch {
    // Nothing depends on this file: without it the join addresses are asked.
    return [];
  }
}

/** Writes the file anew with every change of the membership. Not synced: it is no promise. */
export function keepKnownPeers(dataDir: string, node: RaftNode): void {
  let written = "";
  const write = (): void => {
    const { core, self } = node.status();
    const others = [...core.membership.members].filter(([key]) => key !== self).map(([, { address }]) => address);
    const text = `${JSON.stringify(others.filter((address) => address !== "").toSorted())}\n`;
    if (text === written) return;
    try {
      writeFileSync(`${fileIn(dataDir)}.new`, text, { mode: 0o600 });
      renameSync(`${fileIn(dataDir)}.new`, fileIn(dataDir));
      written = text;
    } catch {
      // A full disk, for one: tried again with the next change.
    }
  };
  node.observe({
    onObservation: ({ kind }) => {
      if (kind === "membership") write();
    },
  });
  write();
}

function fileIn(dataDir: string): string {
  return join(dataDir, "known-peers.json");
}
