import { EMPTY_BYTES, utf8, type Prng } from "../base/index.ts";
import { encodeCommand, type Command } from "./commands.ts";
import type { FsmResult } from "./fsm-result.ts";
import type { FsmEntry, KonsulFsm } from "./konsul-fsm.ts";
import type { KvOperation } from "./kv/kv-command.ts";
import type { FrozenState } from "./snapshot/freeze-state.ts";

/** For tests: applies a command as the next entry, 10 ms after the last one. */
export function applyNext(fsm: KonsulFsm, command: Command): FsmResult {
  return fsm.apply(commandEntry(fsm.appliedIndex + 1, command));
}

/** For tests: the entry that carries a command. */
export function commandEntry(index: number, command: Command): FsmEntry {
  return { index, kind: "command", time: index * 10, data: encodeCommand(command) };
}

/** For tests: a log of random commands over few keys, so that they meet each other; some entries are no commands. */
export function randomLog(prng: Prng, length: number): readonly FsmEntry[] {
  const entries: FsmEntry[] = [];
  for (let index = 1; index <= length; index++) {
    if (prng.chance(0.05)) entries.push({ index, kind: "noop", time: index * 10, data: EMPTY_BYTES });
    else entries.push(commandEntry(index, randomCommand(prng, index)));
  }
  return entries;
}

/** For tests: the whole encoded state and its hash. */
export function drain(frozen: FrozenState, bytesMax = 1000): { readonly bytes: Uint8Array; readonly hash: string } {
  const parts: Uint8Array[] = [];
  for (let part = frozen.next(bytesMax); part !== undefined; part = frozen.next(bytesMax)) parts.push(part);
  const hash = frozen.stateHash;
  frozen.release();
  return { bytes: new Uint8Array(Buffer.concat(parts)), hash };
}

/** For tests: replaces the state of `fsm` by an encoded one, handed over in parts of at most `partSize` bytes. */
export function restoreFrom(fsm: KonsulFsm, source: KonsulFsm, partSize = 100): void {
  const frozen = source.freeze();
  const { bytes, hash } = drain(frozen);
  fsm.restoreStart();
  for (let at = 0; at < bytes.length; at += partSize) fsm.restorePart(bytes.slice(at, at + partSize));
  fsm.restoreEnd({ ...frozen.moment, stateHash: hash, hashVersion: frozen.hashVersion });
}

function randomKey(prng: Prng): Uint8Array {
  return prng.chance(0.1) ? Uint8Array.of(0xff, prng.between(0xfe, 0x100)) : utf8(`k/${prng.between(0, 20)}`);
}

function randomValue(prng: Prng): Uint8Array {
  return Uint8Array.from({ length: prng.between(0, 40) }, () => prng.between(0, 256));
}

function randomFlags(prng: Prng): bigint {
  return prng.chance(0.5) ? 0n : (BigInt(prng.next()) << 32n) | BigInt(prng.next());
}

function randomCommand(prng: Prng, index: number): Command {
  const kind = prng.pick(["set", "set", "set", "delete", "prefix", "txn"] as const);
  const cas = prng.chance(0.3) ? { cas: prng.between(0, index) } : {};
  if (kind === "set") {
    return { kind: "kv-set", key: randomKey(prng), value: randomValue(prng), flags: randomFlags(prng), ...cas };
  }
  if (kind === "delete") return { kind: "kv-delete", key: randomKey(prng), ...cas };
  if (kind === "prefix") {
    const whenMore = prng.chance(0.5) ? "slice" : "refuse";
    return {
      kind: "kv-delete-prefix",
      prefix: utf8(prng.pick(["k/1", "k/", ""])),
      limit: prng.between(1, 5),
      whenMore,
    };
  }
  const operations = Array.from({ length: prng.between(1, 6) }, () => randomOperation(prng, index));
  return { kind: "kv-txn", operations };
}

function randomOperation(prng: Prng, index: number): KvOperation {
  const op = prng.pick(["set", "set", "delete", "get", "check-index"] as const);
  const key = randomKey(prng);
  if (op === "set") return { op, key, value: randomValue(prng), flags: randomFlags(prng) };
  if (op === "check-index") return { op, key, index: prng.chance(0.7) ? 0 : prng.between(0, index) };
  return { op, key };
}
