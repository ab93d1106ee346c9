import { ok, type Clock, type Result } from "../base/index.ts";
import type { Config, TlsPaths } from "../config/index.ts";
import type { Listening } from "../http/index.ts";
import { Metrics, type Logger } from "../telemetry/index.ts";
import { TlsFiles } from "./tls-files.ts";

export interface CertificateOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Certificates of both ports; undefined where there is none. */
export interface CertificateFiles {
  readonly metrics: Metrics;
  readonly http: TlsFiles | undefined;
  readonly peer: TlsFiles | undefined;
}

/** The error is a sentence for the operator. */
export function openTlsFiles({ config, clock, logger }: CertificateOptions): Result<CertificateFiles, string> {
  const metrics = new Metrics();
  const open = (use: "http" | "peer", paths: TlsPaths, isWanted: boolean): Result<TlsFiles | undefined, string> =>
    isWanted ? TlsFiles.open({ use, paths, clock, logger, metrics }) : ok(undefined);
  const http = open("http", config.tls, config.tls.isEnabled);
  if (!http.ok) return http;
  const peer = open("peer", config.raft.tls, config.raft.isEnabled && config.raft.tls.isEnabled);
  return peer.ok ? ok({ metrics, http: http.value, peer: peer.value }) : peer;
}

/** What the API's listener needs. */
export function httpTls({ config }: CertificateOptions, files: TlsFiles | undefined): Pick<Listening, "tls"> {
  if (files === undefined) return {};
  const clients = config.tls.areClientsChecked ? { requestCert: true, rejectUnauthorized: true } : {};
  return {
    tls: () => {
      const { ca, cert, key } = files.current;
      return { cert, key, ...(ca === "" ? {} : { ca }), ...clients };
    },
  };
}
