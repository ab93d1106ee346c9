import { fromUtf8, utf8 } from "../../../src/base/index.ts";
import { createKonsulFsm, encodeCommand, type KonsulFsm } from "../../../src/fsm/index.ts";
import type { Entry } from "../../../src/raft/index.ts";
import type { KvRead, KvWrite, KvWriteResult } from "./command.ts";
import type { SimulatedMachine } from "./tiny-machine.ts";

const keyOf = (key: number): Uint8Array => utf8(`sim/${key}`);

export interface KonsulMachine extends SimulatedMachine {
  readonly fsm: KonsulFsm;
}

/** The real state machine behind the workload's face. */
export function createKonsulMachine(): KonsulMachine {
  const fsm = createKonsulFsm({ watchWindow: 64 });
  return {
    fsm,
    apply: (entry: Entry) => fsm.apply(entry),
    get appliedIndex() {
      return fsm.appliedIndex;
    },
    freeze: () => fsm.freeze(),
    restoreStart: () => fsm.restoreStart(),
    restorePart: (bytes) => fsm.restorePart(bytes),
    restoreEnd: (meta) => fsm.restoreEnd(meta),
    stateHash: () => fsm.stateHash(),
    readKey: (key): KvRead | undefined => {
      const row = fsm.kv.get(keyOf(key));
      return row === undefined ? undefined : { value: Number(fromUtf8(row.value)), index: row.modifyIndex };
    },
    encode: (write: KvWrite) =>
      encodeCommand({
        kind: "kv-set",
        key: keyOf(write.key),
        value: utf8(String(write.value)),
        flags: 0n,
        ...(write.kind === "cas" ? { cas: write.expected } : {}),
      }),
    versionOf: () => 1,
    resultOf: (result): KvWriteResult => {
      if (typeof result !== "object" || result === null || !("kind" in result)) throw new TypeError("is no result");
      if (result.kind === "kv-set" && "modifyIndex" in result && typeof result.modifyIndex === "number") {
        return { kind: "written", index: result.modifyIndex };
      }
      return { kind: "conflict" };
    },
  };
}
