import type * as x509Library from "@peculiar/x509";
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { CommandFailed, UsageError, type Invocation } from "./command.ts";
import { print, printJson } from "./output.ts";
import { unreadable } from "./unreadable.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 86_400_000;
/** Clocks of other machines may be behind. */
const BACKDATE_MS = 3_600_000;

type X509 = typeof x509Library;

async function library(): Promise<X509> {
  // The library's dependency injection wants this before itself.
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

function one(call: Invocation, name: string): string | undefined {
  return call.flags.get(name)?.[0];
}

function daysOf(call: Invocation, standard: number): number {
  const given = one(call, "days");
  if (given === undefined) return standard;
  if (/^\d{1,5}$/.test(given) && Number(given) > 0) return Number(given);
  throw new UsageError(`--days must be a whole number from 1 to 99999: it is "${given}"`);
}

function serial(): string {
  // The first bit must be 0: else it would count as negative.
  return `4${Buffer.from(crypto.getRandomValues(new Uint8Array(16)))
    .toString("hex")
    .slice(1)}`;
}

/** Never overwrites: a lost key cannot be had back. */
function write(path: string, text: string, mode: number): void {
  let fd: number;
  try {
    fd = openSync(path, "wx", mode);
  } catch (cause) {
    const isThere = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    const why = isThere
      ? "it exists already, and is not overwritten"
      : cause instanceof Error
        ? cause.message
        : String(cause);
    throw new CommandFailed(`Cannot write ${path}: ${why}. Name another folder with --out`);
  }
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function exportKey(x509: X509, key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY")}\n`;
}

function showFiles(call: Invocation, certificate: string, key: string): void {
  if (call.flags.has("json")) printJson({ certificate, key });
  else print(`${certificate}\n${key}`);
}

export async function caCreate(call: Invocation): Promise<number> {
  const x509 = await library();
  const folder = one(call, "out") ?? ".";
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: [{ CN: [one(call, "name") ?? "Konsul CA"] }],
    notBefore: new Date(Date.now() - BACKDATE_MS),
    notAfter: new Date(Date.now() + daysOf(call, 3650) * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  mkdirSync(folder, { recursive: true });
  const [certPath, keyPath] = [join(folder, "konsul-ca.pem"), join(folder, "konsul-ca-key.pem")];
  write(keyPath, await exportKey(x509, keys.privateKey), 0o600);
  write(certPath, `${certificate.toString("pem")}\n`, 0o644);
  showFiles(call, certPath, keyPath);
  process.stderr.write("Keep the key away from the nodes: who has it can make certificates for this cluster\n");
  return 0;
}

export async function certCreate(call: Invocation): Promise<number> {
  const x509 = await library();
  const folder = one(call, "out") ?? ".";
  const node = one(call, "node") ?? "";
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(node)) {
    throw new UsageError("--node must be the id of the node: 1 to 64 of the characters A-Z a-z 0-9 . _ -");
  }
  const authority = new x509.X509Certificate(read(one(call, "ca") ?? "konsul-ca.pem"));
  const pem = read(one(call, "ca-key") ?? "konsul-ca-key.pem");
  const authorityKey = await crypto.subtle.importKey("pkcs8", x509.PemConverter.decodeFirst(pem), ALGORITHM, false, [
    "sign",
  ]);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const notAfter = Math.min(Date.now() + daysOf(call, 365) * DAY_MS, authority.notAfter.getTime());
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: [{ CN: [node] }],
    issuer: authority.subjectName,
    notBefore: new Date(Math.max(Date.now() - BACKDATE_MS, authority.notBefore.getTime())),
    notAfter: new Date(notAfter),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authorityKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(namesOf(call, node)),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  mkdirSync(folder, { recursive: true });
  const [certPath, keyPath] = [join(folder, `${node}.pem`), join(folder, `${node}-key.pem`)];
  write(keyPath, await exportKey(x509, keys.privateKey), 0o600);
  write(certPath, `${certificate.toString("pem")}\n`, 0o644);
  showFiles(call, certPath, keyPath);
  return 0;
}

/** The node, every --host, and with --cluster any node of that cluster. */
function namesOf(call: Invocation, node: string): { readonly type: "dns" | "ip" | "url"; readonly value: string }[] {
  const hosts = call.flags.get("host") ?? ["127.0.0.1", "localhost"];
  const cluster = one(call, "cluster");
  if (cluster !== undefined && !/^[\w.-]{1,64}$/.test(cluster))
    throw new UsageError("--cluster must be a cluster's id");
  return [
    { type: "dns", value: node },
    ...hosts.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? ("ip" as const) : ("dns" as const), value })),
    ...(cluster === undefined ? [] : [{ type: "url" as const, value: `konsul://${cluster}/peer` }]),
  ];
}
