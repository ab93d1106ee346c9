import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { EMPTY_BYTES } from "../base/index.ts";

/**
 * The key of one pair (id, incarnation): made with the incarnation, kept with the identity in the log, its public half
 * named by the entry that admits the pair. Who signs with it has the data folder of that member.
 */
export interface PeerKey {
  /** What the folder keeps: the private half, as base64 of its DER. */
  readonly secret: string;
  /** Ed25519, as base64 of its DER. Empty: there is none, and nothing is signed. */
  readonly publicKey: string;
  readonly sign: (bytes: Uint8Array) => Uint8Array;
}

/** Of a member that was admitted before there were keys. */
export const NO_PEER_KEY: PeerKey = { secret: "", publicKey: "", sign: () => EMPTY_BYTES };

export function mintPeerKey(): PeerKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  return peerKeyOf(privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"));
}

/** The key behind a secret that `mintPeerKey` made. */
export function peerKeyOf(secret: string): PeerKey {
  const key = createPrivateKey({ key: Buffer.from(secret, "base64"), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ type: "spki", format: "der" }).toString("base64");
  return { secret, publicKey, sign: (bytes) => new Uint8Array(sign(null, bytes, key)) };
}

/** Whether whoever has the private half signed these bytes. */
export function isSignedBy(publicKey: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
    return key.asymmetricKeyType === "ed25519" && verify(null, bytes, key, signature);
  } catch {
    // No key at all: a peer can say what it likes.
    return false;
  }
}
