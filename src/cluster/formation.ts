import { ByteReader, ByteWriter } from "../base/index.ts";

/** A promise about the one cluster that this empty node will be part of. Kept on disk: it outlives the process. */
export interface Formation {
  readonly id: string;
  /** This node proposed it, and will make the cluster. */
  readonly isOwn: boolean;
}

export interface FormationStore {
  read(): Formation | undefined;
  /** Durable when it returns. */
  write(formation: Formation | undefined): void;
}

/** Asks a node to accept a formation, or to forget it. */
export interface FormationRequest {
  readonly id: string;
  readonly expect: number;
}

const VERSION = 1;

export function encodeFormationRequest({ id, expect }: FormationRequest): Uint8Array {
  return new ByteWriter().u8(VERSION).text(id).u32(expect).finish();
}

/** @throws MalformedBytes, RangeError */
export function decodeFormationRequest(body: Uint8Array): FormationRequest {
  const reader = new ByteReader(body);
  const version = reader.u8();
  if (version !== VERSION) throw new RangeError(`version ${version} of a formation is unknown here`);
  return { id: reader.text(), expect: reader.u32() };
}

/** What an empty node says to a proposal: yes to the first one, and to that one again. */
export function acceptFormation(store: FormationStore, { id, expect }: FormationRequest, ownExpect: number): boolean {
  const known = store.read();
  if (expect !== ownExpect || (known !== undefined && known.id !== id)) return false;
  if (known === undefined) store.write({ id, isOwn: false });
  return true;
}

/** The proposer gave it up: this node is free again. */
export function abortFormation(store: FormationStore, id: string): void {
  const known = store.read();
  if (known?.id === id && !known.isOwn) store.write(undefined);
}
