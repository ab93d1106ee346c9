import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { inspectFolder, recoverFolder, type FolderFindings } from "../agent/index.ts";
import { CommandFailed, UsageError, type Invocation } from "./command.ts";
import { print, printJson, table } from "./output.ts";
import { unreadable } from "./unreadable.ts";

function fieldsOf(found: FolderFindings): Readonly<Record<string, unknown>> {
  const { folder, identity, term, lastTerm, lastIndex, commitHint, snapshotIndex, voters, keys, stateHash } = found;
  return {
    folder,
    node_id: identity.nodeId,
    incarnation: identity.incarnation,
    cluster_id: identity.clusterId,
    epoch: identity.epoch.counter,
    term,
    last_term: lastTerm,
    last_index: lastIndex,
    commit_hint: commitHint,
    snapshot_index: snapshotIndex,
    voters,
    keys,
    state_hash: stateHash,
  };
}

function trustOf(call: Invocation): { readonly acceptLoss: boolean } {
  return { acceptLoss: call.flags.has("accept-loss") };
}

/** What each survivor's folder holds, and which one has the most. */
export async function inspect(call: Invocation): Promise<number> {
  const [good, bad]: [FolderFindings[], string[]] = [[], []];
  for (const folder of call.positions) {
    const found = await inspectFolder(resolve(folder), trustOf(call));
    if (found.ok) good.push(found.value);
    else bad.push(found.error);
  }
  const best = good.toSorted((a, b) => b.lastTerm - a.lastTerm || b.lastIndex - a.lastIndex)[0];
  if (call.flags.has("json")) printJson({ folders: good.map(fieldsOf), problems: bad, best: best?.folder ?? null });
  else {
    for (const found of good) {
      const rows = Object.entries(fieldsOf(found)).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(", ") : String(value),
      ]);
      print(`${table(["FIELD", "VALUE"], rows)}\n`);
    }
    if (best !== undefined && call.positions.length > 1) {
      process.stderr.write(`The log in ${best.folder} goes furthest: recover from that one\n`);
    }
    for (const problem of bad) process.stderr.write(`konsul: ${problem}\n`);
  }
  if (new Set(good.map(({ identity }) => identity.clusterId)).size > 1) {
    throw new CommandFailed("These folders belong to different clusters: look at each cluster by itself");
  }
  return bad.length === 0 ? 0 : 1;
}

export async function recover(call: Invocation): Promise<number> {
  const from = call.flags.get("from")?.[0];
  if (from === undefined)
    throw new UsageError("--from is missing: the data folder that has the most, as konsul recover inspect says");
  const to = resolve(call.flags.get("to")?.[0] ?? `${from.replace(/\/+$/, "")}.recovered`);
  const peersFile = call.flags.get("peers")?.[0];
  const peers = peersFile === undefined ? [] : readPeers(peersFile);
  const done = await recoverFolder(resolve(from), to, trustOf(call));
  if (!done.ok) throw new CommandFailed(done.error);
  const { identity, epoch, lastIndex, commitHint, newIndex, keys } = done.value;
  if (call.flags.has("json")) printJson({ ...fieldsOf(done.value), to, new_epoch: epoch.counter, new_index: newIndex });
  else {
    print(to);
    process.stderr.write(
      `A cluster of one, node ${identity.nodeId}, in epoch ${epoch.counter}, with ${keys} keys.\n` +
        `Entries up to ${commitHint} were surely committed; those up to ${lastIndex} count as committed now.\n` +
        `What only the lost nodes had is lost.\n` +
        `Start this node with the settings it had and --data-dir ${to}; the others join it with EMPTY data folders.\n` +
        peers.map((peer) => `May join: ${peer}\n`).join(""),
    );
  }
  return 0;
}

/** HashiCorp's file lists who is to be a voter at once; here it is a list of who may join. */
function readPeers(file: string): readonly string[] {
  try {
    const list: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (!Array.isArray(list)) throw new TypeError("it must be a list");
    return list.map((one: unknown) => {
      const fields = new Map<string, unknown>(typeof one === "object" && one !== null ? Object.entries(one) : []);
      const [id, address] = [fields.get("id"), fields.get("address")];
      if (typeof id !== "string" || typeof address !== "string")
        throw new TypeError("each peer needs an id and an address");
      return `${id} at ${address}`;
    });
  } catch (cause) {
    throw unreadable(file, cause);
  }
}
