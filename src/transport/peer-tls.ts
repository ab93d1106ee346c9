import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Socket } from "bun";
import { err, ok, type Result } from "../base/index.ts";

/** Certificates of the peer port, as PEM. */
export interface PeerTls {
  /** Authorities that a peer's certificate must come from. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** A peer's certificate must be for the node that it says it is, not only from the authority. */
  readonly isNameChecked: boolean;
  readonly minVersion: "1.2" | "1.3";
}

/** What Bun wants to hear; the numbers are those of the protocol. */
export function tlsOptions({ ca, cert, key, minVersion }: PeerTls): {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly minVersion: number;
} {
  return { ca, cert, key, minVersion: minVersion === "1.3" ? 0x0304 : 0x0303 };
}

/** The names that a trusted certificate is for, or why it is not trusted. */
export type CertificateJudgement = Result<readonly string[], string>;

/**
 * The chain is checked by the TLS library. It also looks for the dialed host in the certificate; a certificate that is
 * for a node's name or the cluster is fine without it, so there the signature and the dates are checked here again.
 */
export function judgeCertificate(socket: Socket<unknown>, tls: PeerTls, cause: unknown): CertificateJudgement {
  const certificate = peerCertificate(socket);
  const code = codeOf(cause);
  if (certificate === undefined) return err(`it showed no certificate${code === "" ? "" : ` (${code})`}`);
  const isTrusted = socket.authorized || (code === "ERR_TLS_CERT_ALTNAME_INVALID" && isIssuedBy(certificate, tls.ca));
  return isTrusted
    ? ok(namesOf(certificate))
    : err(`its certificate is not trusted (${code === "" ? "unknown" : code})`);
}

/** Of the other side: `getX509Certificate` would give our own. */
function peerCertificate(socket: Socket<unknown>): X509Certificate | undefined {
  const shown: unknown = socket.getPeerCertificate();
  const raw = typeof shown === "object" && shown !== null && "raw" in shown ? shown.raw : undefined;
  return raw instanceof Uint8Array ? new X509Certificate(raw) : undefined;
}

function codeOf(cause: unknown): string {
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
}

function isIssuedBy(leaf: X509Certificate, ca: string): boolean {
  return (
    isCurrent(leaf) &&
    authorities(ca).some((one) => isCurrent(one) && leaf.checkIssued(one) && leaf.verify(one.publicKey))
  );
}

function authorities(ca: string): readonly X509Certificate[] {
  return (ca.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  );
}

function isCurrent({ validFrom, validTo }: X509Certificate): boolean {
  return Date.parse(validFrom) <= Date.now() && Date.now() < Date.parse(validTo);
}

function namesOf({ subjectAltName = "" }: X509Certificate): readonly string[] {
  return subjectAltName.split(", ").flatMap((one) => /^(?:DNS|IP Address|URI):(.+)$/.exec(one)?.[1] ?? []);
}

/** A peer as it introduced itself. */
export interface NamedPeer {
  readonly id: string;
  readonly name: string;
  readonly address: string;
}

/** For the node's id or name, its advertised host, or any node of the cluster. `clusterId` empty: not known yet. */
export function isCertificateFor(names: readonly string[], peer: NamedPeer, clusterId: string): boolean {
  const host = peer.address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return names.some((name) => {
    if (name === peer.id || name === peer.name || name === host) return true;
    const cluster = /^konsul:\/\/([^/]+)\/peer$/.exec(name)?.[1];
    return cluster !== undefined && (clusterId === "" || cluster === clusterId);
  });
}

/** Whether the three fit together, and until when. The error says which does not. */
export function checkTlsFiles(
  tls: Pick<PeerTls, "ca" | "cert" | "key">,
): Result<{ readonly expiresAt: number }, string> {
  try {
    const certificate = new X509Certificate(tls.cert);
    if (!certificate.checkPrivateKey(createPrivateKey(tls.key)))
      return err("the key does not belong to the certificate");
    if (tls.ca !== "" && authorities(tls.ca).length === 0)
      return err("the file of the authorities holds no certificate");
    return ok({ expiresAt: Date.parse(certificate.validTo) });
  } catch (cause) {
    return err(cause instanceof Error ? cause.message : String(cause));
  }
}
