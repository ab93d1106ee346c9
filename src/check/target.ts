import { isIP } from "node:net";
import type { AllowedNetworks } from "./allowed-networks.ts";

/** Where a check connects to. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** Of a check of kind `http`. */
  readonly url?: URL;
}

/** Undefined: not of the form that the kind wants. */
export function parseTarget(kind: "http" | "tcp", text: string): Target | undefined {
  if (kind === "tcp") {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s@]+)):(\d{1,5})$/.exec(text);
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined;
  // Secrets do not belong into a registry that everybody may read.
  if (url.username !== "" || url.password !== "" || url.hostname === "") return undefined;
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port, url };
}

/** Why a check with this target would not be run; undefined: it would, as far as can be said before a name is looked up. */
export function refuseTarget(networks: AllowedNetworks, kind: "http" | "tcp", text: string): string | undefined {
  if (!networks.isAny)
    return "makes this server connect somewhere: checks.allow must name the networks, and names none";
  const target = parseTarget(kind, text);
  if (target === undefined) {
    const form = kind === "http" ? "http://HOST:PORT/PATH or https://…, without a user" : "HOST:PORT";
    return `must be ${form}`;
  }
  const isRefused = isIP(target.host) !== 0 && !networks.allows(target.host);
  return isRefused ? `connects to ${target.host}, which is in no network of checks.allow` : undefined;
}
