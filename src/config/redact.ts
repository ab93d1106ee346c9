import type { Config } from "./config.ts";

/** The settings without secrets, for logs and bundles. */
export function redact(config: Config): Config {
  const joinTokens = config.raft.joinTokens.map(() => "(secret)");
  return { ...config, raft: { ...config.raft, joinTokens } };
}
