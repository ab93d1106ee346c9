/**
 * Looks at a SQLite WAL file before SQLite does. SQLite takes the first frame with a wrong checksum as the end of the
 * log, so one flipped bit silently takes back every transaction behind it.
 *
 * Before its sync a transaction may have reached the disk in any subset of its frames. So a bad frame alone proves
 * nothing. Let c be the first commit frame at or after the bad one: a frame of the same salts BEHIND c could only be
 * written after c's sync, and that makes it damage. Everything less is left to the witness, also where c's head lies across
 * two sectors: of a torn write it may be half an older frame's.
 *
 * @see https://sqlite.org/fileformat2.html section 4
 */
export interface WalScan {
  readonly kind: "clean" | "torn" | "bad-header" | "corrupt";
  /** Frames up to and with the last valid commit: what SQLite will use. */
  readonly committedFrames: number;
  /** Number of the first frame that is not valid; undefined: none. */
  readonly badFrame: number | undefined;
}

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const COMMIT_MARK_END = 8;
/** The least that a disk writes whole. */
const SECTOR_BYTES = 512;
const MAGIC = 0x377f0682;

interface WalHeader {
  readonly pageSize: number;
  readonly isBigEndian: boolean;
  readonly salt1: number;
  readonly salt2: number;
  readonly sums: Sums;
}

interface Sums {
  readonly s0: number;
  readonly s1: number;
}

export function scanWal(bytes: Uint8Array): WalScan {
  if (bytes.length === 0) return { kind: "clean", committedFrames: 0, badFrame: undefined };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(view);
  if (header === undefined) return { kind: "bad-header", committedFrames: 0, badFrame: 0 };
  const frameBytes = FRAME_HEADER_BYTES + header.pageSize;
  const frameCount = Math.floor((bytes.length - HEADER_BYTES) / frameBytes);
  let sums = header.sums;
  let committedFrames = 0;
  for (let frame = 0; frame < frameCount; frame++) {
    const at = HEADER_BYTES + frame * frameBytes;
    const next = isOfSalts(view, at, header) ? frameSums({ view, at, header, sums }) : undefined;
    if (next === undefined) {
      return { kind: judge({ view, header, frameBytes, frameCount, bad: frame }), committedFrames, badFrame: frame };
    }
    sums = next;
    if (isCommit(view, at)) committedFrames = frame + 1;
  }
  const isWhole = committedFrames === frameCount && (bytes.length - HEADER_BYTES) % frameBytes === 0;
  return { kind: isWhole ? "clean" : "torn", committedFrames, badFrame: isWhole ? undefined : frameCount };
}

function readHeader(view: DataView): WalHeader | undefined {
  if (view.byteLength < HEADER_BYTES) return undefined;
  const magic = view.getUint32(0);
  if ((magic & ~1) >>> 0 !== MAGIC) return undefined;
  const pageSize = view.getUint32(8);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) return undefined;
  const isBigEndian = (magic & 1) === 1;
  const sums = addSums(view, { from: 0, to: 24 }, { s0: 0, s1: 0 }, isBigEndian);
  if (sums.s0 !== view.getUint32(24) || sums.s1 !== view.getUint32(28)) return undefined;
  return { pageSize, isBigEndian, salt1: view.getUint32(16), salt2: view.getUint32(20), sums };
}

function isOfSalts(view: DataView, at: number, header: WalHeader): boolean {
  return view.getUint32(at + 8) === header.salt1 && view.getUint32(at + 12) === header.salt2;
}

function isCommit(view: DataView, at: number): boolean {
  return view.getUint32(at + 4) !== 0;
}

/** The running checksums behind a valid frame; undefined when the frame is not valid. */
function frameSums(frame: { view: DataView; at: number; header: WalHeader; sums: Sums }): Sums | undefined {
  const { view, at, header } = frame;
  if (view.getUint32(at) === 0) return undefined;
  const afterHeader = addSums(view, { from: at, to: at + 8 }, frame.sums, header.isBigEndian);
  const from = at + FRAME_HEADER_BYTES;
  const sums = addSums(view, { from, to: from + header.pageSize }, afterHeader, header.isBigEndian);
  if (sums.s0 !== view.getUint32(at + 16) || sums.s1 !== view.getUint32(at + 20)) return undefined;
  return sums;
}

/** SQLite's checksum: pairs of 32-bit words in the byte order that the header names. */
function addSums(view: DataView, range: { from: number; to: number }, sums: Sums, isBigEndian: boolean): Sums {
  let { s0, s1 } = sums;
  for (let at = range.from; at < range.to; at += 8) {
    s0 = (s0 + view.getUint32(at, !isBigEndian) + s1) | 0;
    s1 = (s1 + view.getUint32(at + 4, !isBigEndian) + s0) | 0;
  }
  return { s0: s0 >>> 0, s1: s1 >>> 0 };
}

interface BadFrame {
  readonly view: DataView;
  readonly header: WalHeader;
  readonly frameBytes: number;
  readonly frameCount: number;
  readonly bad: number;
}

function judge({ view, header, frameBytes, frameCount, bad }: BadFrame): "torn" | "corrupt" {
  let hasCommit = false;
  for (let frame = bad; frame < frameCount; frame++) {
    const at = HEADER_BYTES + frame * frameBytes;
    if (!isOfSalts(view, at, header)) continue;
    if (hasCommit) return "corrupt";
    hasCommit = isCommit(view, at) && !isCommitApart(at);
  }
  return "torn";
}

/**
 * The mark of a commit lies in one sector and the salts behind it in the next: of a torn write the mark may be that of an
 * older frame in the same place.
 */
function isCommitApart(at: number): boolean {
  return (at + COMMIT_MARK_END) % SECTOR_BYTES === 0;
}
