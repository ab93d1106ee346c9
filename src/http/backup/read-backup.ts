import { createKonsulFsm, RestoreFailed } from "../../fsm/index.ts";
import {
  BackupDamaged,
  MAGIC,
  nextRecord,
  parseHeader,
  parseTrailer,
  TAGS,
  type BackupHeader,
  type BackupTrailer,
} from "./backup-format.ts";

const PART_BYTES_MAX = 16 * 1024 * 1024;

export type BackupPart =
  | { readonly kind: "header"; readonly header: BackupHeader }
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  /** Everything before it is what was written. */
  | { readonly kind: "trailer"; readonly trailer: BackupTrailer };

/** Reads a backup as it comes in; the trailer is handed out only when the checksum is right. @throws BackupDamaged */
export async function* readBackup(source: AsyncIterable<Uint8Array>): AsyncGenerator<BackupPart, void> {
  const sha = new Bun.CryptoHasher("sha256");
  let pending: Uint8Array = new Uint8Array(0);
  let [isBegun, hasHeader] = [false, false];
  let trailer: BackupTrailer | undefined;
  for await (const chunk of source) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    if (!isBegun) {
      if (pending.length < MAGIC.length) continue;
      checkMagic(Buffer.from(pending.subarray(0, MAGIC.length)).toString("latin1"));
      sha.update(pending.subarray(0, MAGIC.length));
      pending = pending.subarray(MAGIC.length);
      isBegun = true;
    }
    for (let next = nextRecord(pending); next !== undefined; next = nextRecord(pending)) {
      if (trailer !== undefined) throw new BackupDamaged("something follows its end");
      const { tag, payload, size } = next;
      if ((tag === TAGS.header) === hasHeader) throw new BackupDamaged("its records are out of order");
      if (tag === TAGS.header) {
        hasHeader = true;
        yield { kind: "header", header: parseHeader(payload) };
      } else if (tag === TAGS.data) yield { kind: "data", bytes: decompress(payload) };
      else if (tag === TAGS.trailer) {
        trailer = parseTrailer(payload);
        if (trailer.sha256 !== sha.digest("hex")) throw new BackupDamaged("its checksum is wrong");
      } else throw new BackupDamaged(`it holds a record of unknown kind ${tag}: a newer release wrote it`);
      if (trailer === undefined) sha.update(pending.subarray(0, size));
      pending = pending.subarray(size);
    }
  }
  if (trailer === undefined) throw new BackupDamaged("it is cut short");
  if (pending.length > 0) throw new BackupDamaged("something follows its end");
  yield { kind: "trailer", trailer };
}

/** The last letter is the format. @throws BackupDamaged */
function checkMagic(found: string): void {
  if (found === MAGIC) return;
  if (found.slice(0, -1) !== MAGIC.slice(0, -1))
    throw new BackupDamaged("it does not begin as a backup of Konsul does");
  throw new BackupDamaged(
    `it is a backup of format ${found.slice(-1)}, and this build reads format ${MAGIC.slice(-1)}: use the build that wrote it`,
  );
}

function decompress(payload: Uint8Array): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = Bun.zstdDecompressSync(payload);
  } catch {
    throw new BackupDamaged("a part cannot be decompressed");
  }
  if (bytes.length > PART_BYTES_MAX) throw new BackupDamaged(`a part has ${bytes.length} bytes`);
  return bytes;
}

export interface BackupSummary extends BackupHeader {
  readonly stateHash: string;
  readonly stateBytes: number;
  readonly keys: number;
  readonly services: number;
  readonly sessions: number;
  readonly tokens: number;
}

/** Builds the whole state from a backup, as a restore would, and says what it holds. @throws BackupDamaged */
export async function inspectBackup(source: AsyncIterable<Uint8Array>): Promise<BackupSummary> {
  const fsm = createKonsulFsm();
  let header: BackupHeader | undefined;
  try {
    fsm.restoreStart();
    for await (const part of readBackup(source)) {
      if (part.kind === "header") ({ header } = part);
      else if (part.kind === "data") fsm.restorePart(part.bytes);
      else if (header !== undefined) {
        const { stateHash, hashVersion, stateBytes } = part.trailer;
        fsm.restoreEnd({ index: header.index, time: header.time, stateHash, hashVersion });
        return {
          ...header,
          stateHash,
          stateBytes,
          keys: fsm.keyCount(),
          services: fsm.services.count,
          sessions: fsm.sessions.count,
          tokens: fsm.acl.tokens().length,
        };
      }
    }
  } catch (cause) {
    if (cause instanceof RestoreFailed) throw new BackupDamaged(cause.message, { cause });
    throw cause;
  }
  throw new BackupDamaged("it is cut short");
}
