import type { ByteReader, ByteWriter } from "../base/index.ts";

/** Why a folder could not be opened. Nothing in it was changed. */
export type OpenFailure =
  | { readonly kind: "locked"; readonly message: string }
  | { readonly kind: "newer-format"; readonly message: string }
  /** A promise of this disk is broken. `isLogOnly`: a whole snapshot that contains the damaged entries would do. */
  | { readonly kind: "untrusted"; readonly message: string; readonly advice: string; readonly isLogOnly: boolean }
  | { readonly kind: "full"; readonly message: string }
  /** The machine does not let this process work; nothing is damaged, a new start may work. */
  | { readonly kind: "environment"; readonly message: string };

const KINDS: readonly OpenFailure["kind"][] = ["locked", "newer-format", "untrusted", "full", "environment"];

/** What an operator can do about a folder that cannot be trusted. */
export const UNTRUSTED_ADVICE =
  "In a cluster, move the folder away and let this node join the others empty. On a cluster of one, restore a backup " +
  "or run `konsul recover`. Keep the folder: what it holds can still be read";

export function writeOpenFailure(writer: ByteWriter, failure: OpenFailure): void {
  const isLogOnly = failure.kind === "untrusted" && failure.isLogOnly;
  writer.u8(KINDS.indexOf(failure.kind)).u8(Number(isLogOnly)).text(failure.message);
}

export function readOpenFailure(reader: ByteReader): OpenFailure {
  const kind = KINDS[reader.u8()] ?? "untrusted";
  const isLogOnly = reader.u8() === 1;
  const message = reader.text();
  return toOpenFailure(kind, message, isLogOnly);
}

export function toOpenFailure(kind: OpenFailure["kind"], message: string, isLogOnly = false): OpenFailure {
  return kind === "untrusted" ? { kind, message, advice: UNTRUSTED_ADVICE, isLogOnly } : { kind, message };
}
