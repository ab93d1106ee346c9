import { ByteReader, ByteWriter, MalformedBytes } from "../../../src/base/index.ts";
import type { FrozenState, StateMachine } from "../../../src/node/index.ts";
import type { Entry } from "../../../src/raft/index.ts";
import { decodeWrite, encodeWrite, versionOfWrite, type KvRead, type KvWrite, type KvWriteResult } from "./command.ts";

/** A state machine that the workload can read. */
export interface SimulatedMachine extends StateMachine {
  readKey(key: number): KvRead | undefined;
  encode(write: KvWrite): Uint8Array;
  /** The command version that a release must know to apply it. */
  versionOf(entry: Entry): number;
  /** What `apply` gave back for a write. */
  resultOf(result: unknown): KvWriteResult;
}

const HASH_VERSION = 1;
const FORMAT = 1;
const ROWS_IN_PART = 2;

interface Row {
  readonly value: number;
  readonly index: number;
}

function rowHash(key: number, row: Row): number {
  let hash = Math.imul(key + 1, 0x9e3779b9);
  hash = Math.imul(hash ^ row.value, 0x85ebca6b) ^ (hash >>> 13);
  hash = Math.imul(hash ^ row.index, 0xc2b2ae35) ^ (hash >>> 16);
  return hash >>> 0;
}

class HashSum {
  #sum = 0;

  add(key: number, row: Row): void {
    this.#sum = (this.#sum + rowHash(key, row)) >>> 0;
  }

  remove(key: number, row: Row): void {
    this.#sum = (this.#sum - rowHash(key, row)) >>> 0;
  }

  get hex(): string {
    return this.#sum.toString(16).padStart(8, "0");
  }
}

/** The smallest state machine that can tell right from wrong: rows with the index of their last write. */
export class TinyMachine implements SimulatedMachine {
  #rows = new Map<number, Row>();
  #hash = new HashSum();
  #appliedIndex = 0;
  #isRestoring = false;
  readonly #known: number;
  readonly #agreed: () => number;

  /** `known`: the highest command version that this release knows; `agreed`: what the cluster agreed to write. */
  constructor(known = 1, agreed: () => number = () => 1) {
    this.#known = known;
    this.#agreed = agreed;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  apply(entry: Entry): unknown {
    // A restore that got nothing is an empty state: no snapshot could be read, and the log begins at 1.
    if (this.#isRestoring && this.#rows.size === 0) this.#isRestoring = false;
    if (this.#isRestoring) throw new RangeError("applies in the middle of a restore");
    if (entry.index !== this.#appliedIndex + 1) {
      throw new RangeError(`applies index ${entry.index} behind ${this.#appliedIndex}`);
    }
    if (this.versionOf(entry) > this.#known) throw new RangeError(`does not know the command at ${entry.index}`);
    this.#appliedIndex = entry.index;
    if (entry.kind !== "command") return undefined;
    return this.#write(decodeWrite(entry.data), entry.index);
  }

  readKey(key: number): KvRead | undefined {
    return this.#rows.get(key);
  }

  freeze(): FrozenState {
    const rows = [...this.#rows];
    const written = new HashSum();
    let at = 0;
    return {
      next: () => {
        if (at >= rows.length) return undefined;
        const out = new ByteWriter();
        for (const [key, row] of rows.slice(at, at + ROWS_IN_PART)) {
          out.u8(key).u53(row.value).u53(row.index);
          written.add(key, row);
        }
        at += ROWS_IN_PART;
        return out.finish();
      },
      get stateHash() {
        return written.hex;
      },
      hashVersion: HASH_VERSION,
      format: FORMAT,
      release: () => undefined,
    };
  }

  restoreStart(): void {
    this.#rows = new Map();
    this.#hash = new HashSum();
    this.#appliedIndex = 0;
    this.#isRestoring = true;
  }

  restorePart(bytes: Uint8Array): void {
    const reader = new ByteReader(bytes);
    while (reader.remaining > 0) this.#set(reader.u8(), { value: reader.u53(), index: reader.u53() });
  }

  restoreEnd(meta: { readonly index: number; readonly stateHash: string }): void {
    if (this.#hash.hex !== meta.stateHash) {
      throw new MalformedBytes(`The restored state has hash ${this.#hash.hex} instead of ${meta.stateHash}`);
    }
    this.#appliedIndex = meta.index;
    this.#isRestoring = false;
  }

  stateHash(): string {
    return this.#hash.hex;
  }

  #write(write: KvWrite, index: number): KvWriteResult {
    const known = this.#rows.get(write.key);
    if (write.kind === "cas" && (known?.index ?? 0) !== write.expected) return { kind: "conflict" };
    this.#set(write.key, { value: write.value, index });
    return { kind: "written", index };
  }

  #set(key: number, row: Row): void {
    const known = this.#rows.get(key);
    if (known !== undefined) this.#hash.remove(key, known);
    this.#rows.set(key, row);
    this.#hash.add(key, row);
  }

  encode(write: KvWrite): Uint8Array {
    // An older release knows nothing else, whatever was agreed on.
    return encodeWrite(write, this.#known > 1 ? Math.min(this.#known, this.#agreed()) : 1);
  }

  versionOf({ kind, data }: Entry): number {
    return kind === "command" ? versionOfWrite(data) : 1;
  }

  resultOf(result: unknown): KvWriteResult {
    return resultOfWrite(result);
  }
}

/** What a tiny machine gave back for a write. */
export function resultOfWrite(result: unknown): KvWriteResult {
  if (typeof result !== "object" || result === null || !("kind" in result)) throw new TypeError("is no result");
  if (result.kind === "written" && "index" in result && typeof result.index === "number") {
    return { kind: "written", index: result.index };
  }
  return { kind: "conflict" };
}
