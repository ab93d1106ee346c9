import type { Config } from "./config.ts";

/** The settings without secrets, for logs and bundles. */
export function redact(config: Config): Config {
  const joinTokens = config.raft.joinTokens.map(() => "(secret)");
  const endpoint = withoutPassword(config.tracing.endpoint);
  return { ...config, raft: { ...config.raft, joinTokens }, tracing: { ...config.tracing, endpoint } };
}

/** A URL may carry a name and a password in front of the host, and tokens behind the path. Rather too much is hidden. */
export function withoutPassword(url: string): string {
  return url.replace(/\/\/.*@/s, "//(secret)@").replace(/([?#]).*$/s, "$1(secret)");
}
