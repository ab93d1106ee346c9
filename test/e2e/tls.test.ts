import { cpSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, konsul, launchAgent, temporaryFolder, type AgentProcess } from "./agent-process.ts";
import { freePorts } from "./free-ports.ts";

afterEach(cleanUp);

/** A folder with an authority; certificates of it by node. */
class Authority {
  readonly folder = temporaryFolder();

  static async create(): Promise<Authority> {
    const authority = new Authority();
    const made = await konsul(["tls", "ca", "create", "--out", authority.folder]);
    expect(made.code).toBe(0);
    return authority;
  }

  get ca(): string {
    return join(this.folder, "konsul-ca.pem");
  }

  async issue(node: string, ...more: readonly string[]): Promise<void> {
    const made = await konsul([
      "tls",
      "cert",
      "create",
      "--node",
      node,
      `--ca=${this.ca}`,
      `--ca-key=${join(this.folder, "konsul-ca-key.pem")}`,
      `--out=${this.folder}`,
      ...more,
    ]);
    expect([made.code, made.problems]).toEqual([0, ""]);
  }

  /** One that was good until a minute ago. */
  async issueExpired(node: string): Promise<void> {
    await import("reflect-metadata");
    const x509 = await import("@peculiar/x509");
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const pem = readFileSync(join(this.folder, "konsul-ca-key.pem"), "utf8");
    const signingKey = await crypto.subtle.importKey("pkcs8", x509.PemConverter.decodeFirst(pem), algorithm, false, [
      "sign",
    ]);
    const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: "45",
      subject: "CN=expired",
      issuer: new x509.X509Certificate(readFileSync(this.ca, "utf8")).subjectName,
      notBefore: new Date(Date.now() - 600_000),
      notAfter: new Date(Date.now() - 60_000),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: node }])],
    });
    const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    writeFileSync(this.file(`${node}-key.pem`), x509.PemConverter.encode(key, "PRIVATE KEY"));
    writeFileSync(this.file(`${node}.pem`), certificate.toString("pem"));
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  peerFlags(node: string): string[] {
    const [cert, key] = [this.file(`${node}.pem`), this.file(`${node}-key.pem`)];
    return [
      "--raft-tls-enabled",
      `--raft-tls-ca-file=${this.ca}`,
      `--raft-tls-cert-file=${cert}`,
      `--raft-tls-key-file=${key}`,
    ];
  }
}

interface Cluster {
  readonly folder: string;
  readonly http: readonly number[];
  readonly peer: readonly number[];
}

function ports(size: number): Cluster {
  const all = freePorts(2 * size);
  return { folder: temporaryFolder(), http: all.slice(0, size), peer: all.slice(size) };
}

function start(one: Cluster, at: number, flags: readonly string[]): Omit<AgentProcess, "url"> {
  return launchAgent([
    `--port=${one.http[at]}`,
    `--node-id=node-${at}`,
    `--data-dir=${join(one.folder, `n${at}`)}`,
    `--raft-bind-addr=127.0.0.1:${one.peer[at]}`,
    ...(at === 0 ? ["--bootstrap"] : [`--join=127.0.0.1:${one.peer[0]}`]),
    ...flags,
  ]);
}

async function votersOf(port: number | undefined): Promise<number | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/cluster/status`).catch(() => undefined);
  const body: { readonly voters?: number } = answer?.status === 200 ? Object(await answer.json()) : {};
  return body.voters;
}

async function rejections(port: number | undefined): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/konsul_peer_rejected_total\{reason="certificate"\} (\d+)/.exec(text)?.[1] ?? 0);
}

describe("konsul tls", () => {
  test("writes keys that only the owner reads, and never overwrites one", async () => {
    const authority = await Authority.create();
    await authority.issue("node-0");
    expect(statSync(authority.file("node-0-key.pem")).mode & 0o777).toBe(0o600);
    const again = await konsul(["tls", "ca", "create", "--out", authority.folder]);
    expect([again.code, again.problems]).toEqual([1, expect.stringContaining("not overwritten")]);
    expect((await konsul(["tls", "cert", "create"])).code).toBe(2);
    const noCa = await konsul(["tls", "cert", "create", "--node", "a", "--ca", "/nowhere"]);
    expect([noCa.code, noCa.problems]).toEqual([1, expect.stringContaining("/nowhere")]);
  });
});

describe("mutual TLS between peers", () => {
  test("lets nodes in whose certificate is for them, and nobody else", async () => {
    const [authority, rogue] = [await Authority.create(), await Authority.create()];
    const one = ports(7);
    for (const node of ["node-0", "node-1", "node-2"]) await authority.issue(node);
    const first = start(one, 0, authority.peerFlags("node-0"));
    start(one, 1, authority.peerFlags("node-1"));
    // For the dialed address it is not, but for the node: that is enough.
    await authority.issue("node-x", "--host", "elsewhere.example");
    await authority.issue("node-2b", "--host", "elsewhere.example");
    start(one, 2, authority.peerFlags("node-2"));
    while ((await votersOf(one.http[2])) !== 3) await Bun.sleep(20);
    const write = await fetch(`http://127.0.0.1:${one.http[1]}/kv/a`, { method: "PUT", body: "1" });
    expect(write.status).toBe(200);
    await rogue.issue("node-3");
    await authority.issueExpired("node-6");
    const strangers: readonly (readonly [number, readonly string[], RegExp])[] = [
      [
        3,
        [
          ...rogue.peerFlags("node-3").filter((flag) => !flag.includes("ca-file")),
          `--raft-tls-ca-file=${authority.ca}`,
        ],
        /not trusted/,
      ],
      [4, authority.peerFlags("node-x"), /for somebody else/],
      [5, [], /no certificate/],
      [6, authority.peerFlags("node-6"), /CERT_HAS_EXPIRED/],
    ];
    for (const [at, flags, said] of strangers) {
      const before = await rejections(one.http[0]);
      const stranger = start(one, at, flags);
      while (!stranger.log().includes("Cannot join")) await Bun.sleep(20);
      while ((await rejections(one.http[0])) <= before) await Bun.sleep(20);
      expect(first.log()).toMatch(said);
      expect(await votersOf(one.http[0])).toBe(3);
      await stranger.end("SIGKILL");
    }
    expect((await fetch(`http://127.0.0.1:${one.http[0]}/kv/a`, { method: "PUT", body: "2" })).status).toBe(200);
  }, 120_000);

  test("takes over new certificates by SIGHUP, and keeps the old ones when the new do not fit together", async () => {
    const authority = await Authority.create();
    const one = ports(2);
    await authority.issue("node-0");
    await authority.issue("node-1");
    await authority.issue("node-0b", "--days", "7");
    const first = start(one, 0, authority.peerFlags("node-0"));
    while ((await votersOf(one.http[0])) !== 1) await Bun.sleep(20);
    cpSync(authority.file("node-0b.pem"), authority.file("node-0.pem"));
    first.child.kill("SIGHUP");
    while (!first.log().includes("cannot be used")) await Bun.sleep(20);
    // For "node-0b" and the address: dialed by address, that is fine, too.
    cpSync(authority.file("node-0b-key.pem"), authority.file("node-0-key.pem"));
    first.child.kill("SIGHUP");
    while (!first.log().includes("New certificates are in use")) await Bun.sleep(20);
    const metrics = await (await fetch(`http://127.0.0.1:${one.http[0]}/metrics`)).text();
    const seconds = Number(/konsul_tls_certificate_expiry_seconds\{use="peer"\} ([\d.e+]+)/.exec(metrics)?.[1]);
    expect(seconds).toBeGreaterThan(6 * 86_400);
    expect(seconds).toBeLessThan(8 * 86_400);
    start(one, 1, authority.peerFlags("node-1"));
    while ((await votersOf(one.http[1])) !== 2) await Bun.sleep(20);
  }, 120_000);

  test("takes over new certificates when the files change, without being told", async () => {
    const authority = await Authority.create();
    const one = ports(1);
    await authority.issue("node-0");
    await authority.issue("node-0b", "--days", "7");
    const first = start(one, 0, authority.peerFlags("node-0"));
    while ((await votersOf(one.http[0])) !== 1) await Bun.sleep(20);
    cpSync(authority.file("node-0b-key.pem"), authority.file("node-0-key.pem"));
    cpSync(authority.file("node-0b.pem"), authority.file("node-0.pem"));
    while (!first.log().includes("New certificates are in use")) await Bun.sleep(20);
  }, 120_000);

  test("missing and mismatched files are told before anything starts", async () => {
    const authority = await Authority.create();
    await authority.issue("node-0");
    await authority.issue("node-1");
    const missing = await konsul(["agent", "--raft", "--raft-tls-enabled", "--raft-tls-ca-file=/nowhere"]);
    expect([missing.code, missing.problems]).toEqual([2, expect.stringContaining("/nowhere")]);
    const mixed = [
      ...authority.peerFlags("node-0").slice(0, 3),
      `--raft-tls-key-file=${authority.file("node-1-key.pem")}`,
    ];
    const wrong = await konsul(["agent", "--bootstrap", "--port=0", `--data-dir=${temporaryFolder()}`, ...mixed]);
    expect([wrong.code, wrong.problems]).toEqual([1, expect.stringContaining("key does not belong")]);
  });
});

describe("HTTPS on the API", () => {
  test("asks for client certificates when told to, and takes over a new certificate", async () => {
    const authority = await Authority.create();
    await authority.issue("node-0");
    await authority.issue("client");
    await authority.issue("second", "--days", "3");
    const [port = 0] = freePorts(1);
    const url = `https://127.0.0.1:${port}`;
    const [cert, key] = [authority.file("node-0.pem"), authority.file("node-0-key.pem")];
    const flags = [
      "--tls-enabled",
      `--tls-cert-file=${cert}`,
      `--tls-key-file=${key}`,
      `--tls-ca-file=${authority.ca}`,
    ];
    const agent = launchAgent(["--dev", `--port=${port}`, "--tls-client-auth=require", ...flags]);
    const client = [
      "--ca-cert",
      authority.ca,
      "--client-cert",
      authority.file("client.pem"),
      "--client-key",
      authority.file("client-key.pem"),
    ];
    while ((await konsul(["health", "--ready", ...client], { url })).code !== 0) await Bun.sleep(50);
    expect((await konsul(["kv", "put", "a", "1", ...client], { url })).code).toBe(0);
    expect((await konsul(["kv", "get", "a", ...client], { url })).out).toBe("1");
    expect((await konsul(["kv", "get", "a", "--ca-cert", authority.ca], { url })).code).toBe(1);
    const environment = {
      KONSUL_CA_CERT: authority.ca,
      KONSUL_CLIENT_CERT: authority.file("client.pem"),
      KONSUL_CLIENT_KEY: authority.file("client-key.pem"),
    };
    expect((await konsul(["kv", "get", "a"], { url, environment })).out).toBe("1");
    const wrong = { ...environment, KONSUL_CA_CERT: "/nowhere" };
    const unread = await konsul(["kv", "get", "a"], { url, environment: wrong });
    expect([unread.code, unread.problems]).toEqual([
      1,
      expect.stringContaining("Cannot read /nowhere (KONSUL_CA_CERT): there is no such file"),
    ]);
    // A flag goes before the variable.
    expect((await konsul(["kv", "get", "a", ...client], { url, environment: wrong })).out).toBe("1");
    const untrusted = await konsul(["kv", "get", "a"], { url });
    expect([untrusted.code, untrusted.problems]).toEqual([
      1,
      expect.stringMatching(/The certificate of the agent at .* is not trusted .* --ca-cert/),
    ]);
    const plain = await konsul(["kv", "get", "a"], { url: url.replace("https:", "http:") });
    expect([plain.code, plain.problems]).toEqual([1, expect.stringContaining("--http-addr https://")]);
    cpSync(authority.file("second-key.pem"), key);
    cpSync(authority.file("second.pem"), cert);
    agent.child.kill("SIGHUP");
    while (!agent.log().includes("New certificates are in use")) await Bun.sleep(20);
    expect((await konsul(["kv", "get", "a", ...client], { url })).out).toBe("1");
    const shown = Bun.spawnSync(
      [
        "openssl",
        "s_client",
        "-connect",
        `127.0.0.1:${port}`,
        "-cert",
        authority.file("client.pem"),
        "-key",
        authority.file("client-key.pem"),
      ],
      { stdin: new Uint8Array(0) },
    );
    expect(shown.stdout.toString()).toContain("CN = second");
    expect(await agent.end("SIGTERM")).toBe(0);
  }, 120_000);
});
