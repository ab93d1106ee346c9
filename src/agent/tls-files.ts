import { readFileSync } from "node:fs";
import { err, ok, type Clock, type Result } from "../base/index.ts";
import type { Logger, Metrics } from "../telemetry/index.ts";
import { checkTlsFiles } from "../transport/index.ts";

/** Contents of the files of one port, as PEM. */
export interface TlsMaterial {
  /** Empty: no authorities. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface TlsPaths {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface TlsFilesOptions {
  readonly use: "peer" | "http";
  readonly paths: TlsPaths;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const LOOK_MS = 5_000;

/**
 * Certificates of one port. Read again when a file changed or the operator asks; what does not fit together is refused
 * with a line in the log, and the old ones stay in use.
 */
export class TlsFiles {
  readonly #options: TlsFilesOptions;
  readonly #listeners = new Set<() => void>();
  #current: TlsMaterial;
  #expiresAt: number;
  #refused = "";
  #isStopped = false;

  private constructor(options: TlsFilesOptions, material: TlsMaterial, expiresAt: number) {
    this.#options = options;
    this.#current = material;
    this.#expiresAt = expiresAt;
    options.metrics.onScrape(() => {
      const seconds = (this.#expiresAt - options.clock.wall()) / 1000;
      options.metrics.set("konsul_tls_certificate_expiry_seconds", seconds, { use: options.use });
    });
    this.#schedule();
  }

  /** The error is a sentence for the operator. */
  static open(options: TlsFilesOptions): Result<TlsFiles, string> {
    const read = load(options.paths);
    if (!read.ok) return err(`Cannot use the certificates of the ${options.use} port: ${read.error}`);
    const checked = checkTlsFiles(read.value);
    if (!checked.ok) return err(`Cannot use ${options.paths.certFile} for the ${options.use} port: ${checked.error}`);
    return ok(new TlsFiles(options, read.value, checked.value.expiresAt));
  }

  get current(): TlsMaterial {
    return this.#current;
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Takes over what the files hold now, if it is sound and differs. */
  reload(): void {
    const { logger, paths, use } = this.#options;
    const read = load(paths);
    const text = read.ok ? read.value.ca + read.value.cert + read.value.key : read.error;
    const { ca, cert, key } = this.#current;
    if (text === ca + cert + key || text === this.#refused) return;
    const checked = read.ok ? checkTlsFiles(read.value) : read;
    if (!read.ok || !checked.ok) {
      // Said once: perhaps the files are being replaced one after the other.
      this.#refused = text;
      const why = checked.ok ? "they cannot be read" : checked.error;
      logger.warn("The certificates changed, but cannot be used: the old ones stay", { use, why });
      return;
    }
    this.#refused = "";
    this.#current = read.value;
    this.#expiresAt = checked.value.expiresAt;
    logger.info("New certificates are in use", { use, until: new Date(this.#expiresAt).toISOString() });
    for (const listener of this.#listeners) listener();
  }

  #schedule(): void {
    const { clock } = this.#options;
    clock.at(clock.now() + LOOK_MS, () => {
      if (this.#isStopped) return;
      this.reload();
      this.#schedule();
    });
  }
}

function load({ caFile, certFile, keyFile }: TlsPaths): Result<TlsMaterial, string> {
  try {
    const [cert, key] = [readFileSync(certFile, "utf8"), readFileSync(keyFile, "utf8")];
    return ok({ ca: caFile === "" ? "" : readFileSync(caFile, "utf8"), cert, key });
  } catch (cause) {
    return err(cause instanceof Error ? cause.message : String(cause));
  }
}
