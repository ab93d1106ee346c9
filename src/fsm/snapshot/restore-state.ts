import { ByteReader, ByteWriter, MalformedBytes, readU32, type LogIndex } from "../../base/index.ts";
import { HASH_VERSION, HashSum } from "../state/row-hash.ts";
import { RowsOutOfOrder, type Section } from "../state/state-table.ts";
import { FRAME_BYTES_MAX, FRAME_TAGS, SNAPSHOT_FORMAT } from "./format.ts";
import type { StateMoment } from "./freeze-state.ts";

/** An encoded state that is damaged, cut short, of an unknown format, or not the one that its meta describes. */
export class RestoreFailed extends Error {
  override readonly name = "RestoreFailed";
}

/** What must hold at the end. */
export interface RestoreClaim {
  readonly index: LogIndex;
  readonly time: number;
  readonly stateHash: string;
  readonly hashVersion: number;
}

interface OpenSection {
  readonly section: Section;
  readonly rows: number;
}

/** Reads an encoded state into empty tables, part by part. After an error the tables hold rubbish: start over. */
export class StateRestorer {
  readonly #sections: ReadonlyMap<number, Section>;
  /** Bytes of a frame that is not complete. */
  #pending = new ByteWriter(4096);
  /** No frame can be complete before this many bytes are pending. */
  #needed = 1;
  #isFormatRead = false;
  #moment: StateMoment | undefined;
  #sectionsLeft = 0;
  #open: OpenSection | undefined;
  #rows = 0;
  #isComplete = false;

  constructor(sections: readonly Section[]) {
    this.#sections = new Map(sections.map((section) => [section.number, section]));
    for (const section of sections) section.clear();
  }

  /** Nothing was read yet: the tables are empty, not half full. */
  get isUntouched(): boolean {
    return !this.#isFormatRead && this.#pending.length === 0;
  }

  /** @throws RestoreFailed */
  part(bytes: Uint8Array): void {
    this.#pending.raw(bytes);
    if (this.#pending.length < this.#needed) return;
    const all = this.#pending.view();
    const used = translating(() => this.#readFrames(all));
    const rest = new ByteWriter(Math.max(4096, all.length - used)).raw(all.subarray(used));
    this.#pending = rest;
  }

  /** Checks that everything came and is what it claims to be. @throws RestoreFailed */
  end(claim: RestoreClaim): StateMoment {
    const moment = this.#moment;
    if (moment === undefined || !this.#isComplete) {
      throw new RestoreFailed(`Cannot end a restore as the state is cut short after ${this.#rows} rows`);
    }
    if (this.#pending.length > 0) throw new RestoreFailed("Cannot end a restore as bytes follow the trailer");
    expectSame("index", moment.index, claim.index);
    expectSame("time", moment.time, claim.time);
    expectSame("hash version", HASH_VERSION, claim.hashVersion);
    expectSame("state hash", this.#hash(), claim.stateHash);
    return moment;
  }

  #hash(): string {
    return HashSum.hex([...this.#sections.values()].map((section) => section.hashSum));
  }

  /** Reads all complete frames; answers how many bytes they were. */
  #readFrames(all: Uint8Array): number {
    const reader = new ByteReader(all);
    if (!this.#isFormatRead) {
      expectSame("format", reader.u8(), SNAPSHOT_FORMAT);
      this.#isFormatRead = true;
    }
    while (reader.remaining >= 4) {
      const at = all.length - reader.remaining;
      const size = readU32(all, at);
      if (size === 0 || size > FRAME_BYTES_MAX) throw new RestoreFailed(`Cannot restore a frame of ${size} bytes`);
      this.#needed = 4 + size;
      if (reader.remaining < this.#needed) return at;
      reader.u32();
      this.#readFrame(reader);
      const read = all.length - reader.remaining - at;
      if (read !== 4 + size)
        throw new RestoreFailed(`Cannot restore a frame of ${size} bytes as ${read - 4} were read`);
    }
    this.#needed = 4;
    return all.length - reader.remaining;
  }

  #readFrame(reader: ByteReader): void {
    const tag = reader.u8();
    if (this.#isComplete) throw new RestoreFailed("Cannot restore as a frame follows the trailer");
    if ((this.#moment === undefined) !== (tag === FRAME_TAGS.header)) {
      throw new RestoreFailed(`Cannot restore as the header is not the first frame or comes twice: tag is ${tag}`);
    }
    if (tag === FRAME_TAGS.row) this.#readRow(reader);
    else if (tag === FRAME_TAGS.section) this.#readSection(reader);
    else if (tag === FRAME_TAGS.header) this.#readHeader(reader);
    else if (tag === FRAME_TAGS.trailer) this.#readTrailer(reader);
    else throw new RestoreFailed(`Cannot restore a frame with an unknown tag: ${tag}`);
  }

  #readHeader(reader: ByteReader): void {
    this.#moment = { index: reader.u53(), time: reader.u53() };
    expectSame("hash version", reader.u8(), HASH_VERSION);
    this.#sectionsLeft = reader.u8();
    // A snapshot of an older version has fewer tables: those it does not know are empty.
    if (this.#sectionsLeft > this.#sections.size) {
      throw new RestoreFailed(
        `Cannot restore ${this.#sectionsLeft} sections: this program knows ${this.#sections.size}`,
      );
    }
  }

  #readSection(reader: ByteReader): void {
    const number = reader.u8();
    const rows = reader.u53();
    const section = this.#sections.get(number);
    if (section === undefined)
      throw new RestoreFailed(`Cannot restore a section this program does not know: ${number}`);
    if (this.#open !== undefined && number <= this.#open.section.number) {
      throw new RestoreFailed(`Cannot restore section ${number} after section ${this.#open.section.number}`);
    }
    this.#closeSection();
    this.#open = { section, rows };
    this.#sectionsLeft--;
  }

  #readRow(reader: ByteReader): void {
    if (this.#open === undefined) throw new RestoreFailed("Cannot restore a row outside a section");
    this.#open.section.restoreRow(reader);
    this.#rows++;
  }

  #readTrailer(reader: ByteReader): void {
    this.#closeSection();
    expectSame("number of sections left", this.#sectionsLeft, 0);
    expectSame("number of rows", this.#rows, reader.u53());
    expectSame("state hash", this.#hash(), reader.text());
    this.#isComplete = true;
  }

  #closeSection(): void {
    if (this.#open === undefined) return;
    const { section, rows } = this.#open;
    expectSame(`number of rows of ${section.name}`, section.size, rows);
  }
}

function expectSame(what: string, actual: number | string, wanted: number | string): void {
  if (actual !== wanted) throw new RestoreFailed(`Cannot restore as the ${what} must be ${wanted}: it is ${actual}`);
}

function translating<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof MalformedBytes || cause instanceof RowsOutOfOrder) {
      throw new RestoreFailed(`Cannot restore a damaged state: ${cause.message}`, { cause });
    }
    throw cause;
  }
}
