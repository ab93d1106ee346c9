import type { Clock } from "../base/index.ts";
import type { Config } from "../config/index.ts";
import type { HttpServer, Waiting } from "../http/index.ts";
import type { Logger } from "../telemetry/index.ts";
import type { CertificateFiles } from "./certificates.ts";

export interface StartOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isDev: boolean;
  /** The last lines of the log. */
  readonly recentLines: () => readonly string[];
}

export interface NodeStart extends StartOptions {
  readonly server: HttpServer;
  readonly files: CertificateFiles;
  /** What this process knows against its own folder; opening it again would prove nothing. */
  readonly distrust: string | undefined;
  /** The node serves nothing for a while. */
  readonly onWaiting: (waiting: Waiting) => void;
}
