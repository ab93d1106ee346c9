import { existsSync } from "node:fs";
import type { Config } from "./config.ts";
import { withoutPassword } from "./redact.ts";
import { parseNetwork } from "./network.ts";
import { raftFolderProblem } from "./raft-folder.ts";
import type { Mistake } from "./sources.ts";
import type { Written } from "./written.ts";

/** Slower, a follower would hardly ever get a snapshot before it needs the next one. */
const RATE_MIN = 16 * 1024;

/** HOST of HOST:PORT, without the brackets of an IPv6 one. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "";
}

function isHostPort(address: string): boolean {
  const port = /^(?:\[[0-9a-fA-F:.]+\]|[^:[\]/\s]+):(\d{1,5})$/.exec(address)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}

/** `excuses`: other settings that might have made it right. It is no mistake for certain where one of them cannot be read. */
type Add = (key: string, message: string, excuses?: readonly string[]) => void;

export interface Origins {
  readonly written: ReadonlyMap<string, Written>;
  /** Keys whose values are mistakes of their own. */
  readonly unread: ReadonlySet<string>;
  readonly isFileAlone: boolean;
}

/** Settings that are right each, and wrong together. */
export function contradictions(config: Config, { written, unread, isFileAlone }: Origins): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  const add: Add = (key, message, excuses = []) => {
    if (![key, ...excuses].some((excuse) => unread.has(excuse)))
      mistakes.push({ source: written.get(key)?.source ?? key, message });
  };
  checkNode(config, add);
  checkCertificates(config, add);
  checkApi(config, add);
  if (config.tracing.isEnabled) checkTracing(config, add);
  if (config.raft.isEnabled) checkPeers(config, add);
  // Of a file alone nobody can say so: flags and variables may still give the node its peers.
  else if (!isFileAlone && !written.has("raft.enabled")) checkNoPeers(written, add);
  return mistakes;
}

/** A leader speaks every tenth of the heartbeat timeout: who is judged by less than three of these is now there and now not. */
const HEARTBEATS_HEARD = 3 / 10;

function checkNode({ dataDir, raft, snapshots, health }: Config, add: Add): void {
  if (raft.leaderLeaseTimeoutMs > raft.heartbeatTimeoutMs) {
    add(
      "raft.leader_lease_timeout",
      `must not be above the heartbeat timeout of ${raft.heartbeatTimeoutMs} ms: current value is ${raft.leaderLeaseTimeoutMs} ms`,
    );
  }
  if (raft.heartbeatTimeoutMs > raft.electionTimeoutMs) {
    add(
      "raft.heartbeat_timeout",
      `must not be above the election timeout of ${raft.electionTimeoutMs} ms: current value is ${raft.heartbeatTimeoutMs} ms`,
    );
  }
  const contactMsMin = Math.ceil(raft.heartbeatTimeoutMs * HEARTBEATS_HEARD);
  if (health.lastContactMsMax < contactMsMin) {
    add(
      "health.max_last_contact",
      `must be at least ${contactMsMin} ms, three tenths of the heartbeat timeout: current value is ${health.lastContactMsMax} ms`,
      ["raft.heartbeat_timeout"],
    );
  }
  const folderProblem = raftFolderProblem(raft.dataDir, dataDir);
  if (folderProblem !== undefined) add("raft.data_dir", `${folderProblem}: current value is "${raft.dataDir}"`);
  if (snapshots.bytesPerSecond < RATE_MIN) {
    add(
      "snapshots.max_bytes_per_second",
      `must be at least ${RATE_MIN} bytes, or 0 for no limit: current value is ${snapshots.bytesPerSecond}`,
    );
  }
  if (raft.nodeId !== "" && !/^[A-Za-z0-9._-]{1,64}$/.test(raft.nodeId)) {
    add("raft.node_id", `must be 1 to 64 of the characters A-Z a-z 0-9 . _ -: current value is "${raft.nodeId}"`);
  }
}

function checkTracing({ tracing }: Config, add: Add): void {
  if (!/^https?:$/.test(URL.parse(tracing.endpoint)?.protocol ?? "")) {
    const wanted = "must be a URL of OTLP/HTTP such as http://127.0.0.1:4318/v1/traces";
    add("tracing.endpoint", `${wanted}: current value is "${withoutPassword(tracing.endpoint)}"`);
  }
}

function checkCertificates(config: Config, add: Add): void {
  for (const [key, tls, isCaNeeded] of [
    ["tls", config.tls, config.tls.areClientsChecked],
    ["raft.tls", config.raft.tls, true],
  ] as const) {
    if (!tls.isEnabled) continue;
    const missing = { cert_file: tls.certFile, key_file: tls.keyFile, ...(isCaNeeded ? { ca_file: tls.caFile } : {}) };
    for (const [name, path] of Object.entries(missing)) {
      if (path === "") add(`${key}.${name}`, `is missing: ${key}.enabled needs it`);
      else if (!existsSync(path)) add(`${key}.${name}`, `there is no file ${path}`);
    }
  }
}

function checkApi(config: Config, add: Add): void {
  const { host, isInsecure } = config;
  for (const network of config.checks.allow.filter((text) => parseNetwork(text) === undefined)) {
    add("checks.allow", `must hold networks such as 10.0.0.0/8 or fd00::/8: "${network}" is none`);
  }
  const isApiGuarded = config.acl.isEnabled || (config.tls.isEnabled && config.tls.areClientsChecked);
  if (!isLoopback(host) && !isInsecure && !isApiGuarded) {
    add(
      "host",
      `${host} is no loopback address, and the HTTP API has no access control there: set acl.enabled or tls.client_auth, or insecure if that is what you want`,
      ["acl.enabled", "tls.enabled", "tls.client_auth", "insecure"],
    );
  }
}

/** Who says where peers reach this node means to have some. Whoever says `raft.enabled: false` as well has decided. */
function checkNoPeers(written: ReadonlyMap<string, Written>, add: Add): void {
  for (const key of ["raft.bind_addr", "raft.advertise_addr"]) {
    if (!written.has(key)) continue;
    add(
      key,
      "does nothing, as this node would run alone and open no peer port: set raft.enabled (--raft), raft.bootstrap, raft.bootstrap_expect or raft.join_addresses, or leave it out",
      ["raft.enabled", "raft.bootstrap", "raft.bootstrap_expect", "raft.join_addresses"],
    );
  }
}

function checkPeers({ raft, isInsecure }: Config, add: Add): void {
  for (const [key, address] of [
    ["raft.bind_addr", raft.bindAddress],
    ["raft.advertise_addr", raft.advertiseAddress],
  ] as const) {
    if (!isHostPort(address)) add(key, `must be HOST:PORT: current value is "${address}"`);
  }
  for (const address of raft.joinAddresses) {
    if (!isHostPort(address)) add("raft.join_addresses", `must be HOST:PORT: current value is "${address}"`);
  }
  const everybody = new Set([...raft.joinAddresses, raft.advertiseAddress]).size;
  if (raft.bootstrapExpect > 0 && raft.isBootstrap) {
    add("raft.bootstrap_expect", "does not go with raft.bootstrap: set one of them");
  }
  if (raft.bootstrapExpect > 0 && (raft.bootstrapExpect * 2 <= everybody || raft.bootstrapExpect > everybody)) {
    add(
      "raft.bootstrap_expect",
      `must be more than half of the join addresses and this node, which are ${everybody}, and not more than all: current value is ${raft.bootstrapExpect}`,
    );
  }
  if (/:0+$/.test(raft.advertiseAddress)) {
    const wanted = "needs a port that peers can reach, as others keep the address of this node";
    add("raft.advertise_addr", `${wanted}: current value is "${raft.advertiseAddress}"`);
  }
  if (isUnspecified(hostOf(raft.advertiseAddress))) {
    add("raft.advertise_addr", `${raft.advertiseAddress} is no address that peers can reach: set raft.advertise_addr`);
  }
  const hasToken = raft.joinTokens.length > 0 || raft.joinTokenFile !== "";
  if (!isLoopback(hostOf(raft.bindAddress)) && !hasToken && !raft.tls.isEnabled && !isInsecure) {
    add(
      "raft.bind_addr",
      `${raft.bindAddress} is no loopback address, and peers prove nothing there: set a join token or raft.tls, or insecure if that is what you want`,
      ["raft.tls.enabled", "raft.join_tokens", "raft.join_token_file", "insecure"],
    );
  }
}
