import { assert, ByteWriter, type LogIndex } from "../../base/index.ts";
import { HASH_VERSION, HashSum } from "../state/row-hash.ts";
import type { FrozenSection, Section } from "../state/state-table.ts";
import { FRAME_TAGS, SNAPSHOT_FORMAT } from "./format.ts";

export interface StateMoment {
  readonly index: LogIndex;
  readonly time: number;
}

/** Satisfies the port of the same name of the node. */
export interface FrozenState {
  next(bytesMax: number): Uint8Array | undefined;
  readonly stateHash: string;
  readonly hashVersion: number;
  readonly format: number;
  /** What the state was taken of. */
  readonly moment: StateMoment;
  release(): void;
}

/** Takes all tables at one moment; constant time. Encoding happens in `next`, slice by slice. */
export function freezeState(sections: readonly Section[], moment: StateMoment): FrozenState {
  return new Frozen(sections, moment);
}

type Phase = "start" | "sections" | "done" | "released";

class Frozen implements FrozenState {
  readonly hashVersion = HASH_VERSION;
  readonly format = SNAPSHOT_FORMAT;
  readonly moment: StateMoment;
  readonly #sections: readonly FrozenSection[];
  /** The hash that apply kept, at the moment of freezing: the rows must add up to it. */
  readonly #runningHash: string;
  #phase: Phase = "start";
  #at = 0;
  /** Rows written of the section at `#at`; undefined before its first frame. */
  #sectionRows: number | undefined;
  #rows = 0;

  constructor(sections: readonly Section[], moment: StateMoment) {
    this.moment = moment;
    this.#sections = sections.map((section) => section.freeze());
    this.#runningHash = HashSum.hex(sections.map((section) => section.hashSum));
  }

  get stateHash(): string {
    return HashSum.hex(this.#sections.map((section) => section.hashSum));
  }

  next(bytesMax: number): Uint8Array | undefined {
    assert(bytesMax > 0, "A part of a state must have room for a byte");
    assert(this.#phase !== "released", "A released state must not be read");
    if (this.#phase === "done") return undefined;
    const writer = new ByteWriter(bytesMax + 512);
    if (this.#phase === "start") this.#writeHeader(writer);
    while (this.#phase === "sections" && writer.length < bytesMax) this.#writeFrame(writer);
    return writer.view();
  }

  release(): void {
    this.#phase = "released";
    for (const section of this.#sections) section.release();
  }

  #writeHeader(writer: ByteWriter): void {
    writer.u8(this.format);
    frame(writer, FRAME_TAGS.header, () => {
      writer.u53(this.moment.index).u53(this.moment.time).u8(this.hashVersion).u8(this.#sections.length);
    });
    this.#phase = "sections";
  }

  #writeFrame(writer: ByteWriter): void {
    const section = this.#sections[this.#at];
    if (section === undefined) {
      this.#writeTrailer(writer);
    } else if (this.#sectionRows === undefined) {
      frame(writer, FRAME_TAGS.section, () => writer.u8(section.number).u53(section.size));
      this.#sectionRows = 0;
    } else if (this.#sectionRows === section.size) {
      this.#at++;
      this.#sectionRows = undefined;
    } else {
      frame(writer, FRAME_TAGS.row, () => section.writeNext(writer));
      this.#sectionRows++;
      this.#rows++;
    }
  }

  /** Promises the running hash, not the sum over what was written: should they differ, no restore accepts this. */
  #writeTrailer(writer: ByteWriter): void {
    frame(writer, FRAME_TAGS.trailer, () => writer.u53(this.#rows).text(this.#runningHash));
    this.#phase = "done";
  }
}

function frame(writer: ByteWriter, tag: number, payload: () => void): void {
  const start = writer.length;
  writer.u32(0).u8(tag);
  payload();
  writer.patchU32(start, writer.length - start - 4);
}
