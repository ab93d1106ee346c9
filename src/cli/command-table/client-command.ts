import type { Command, Flag, Position } from "../command.ts";

const CLIENT: readonly Flag[] = [
  { name: "http-addr", value: "URL", help: "the agent's HTTP API (KONSUL_HTTP_ADDR; default: http://127.0.0.1:8888)" },
  { name: "token", value: "TOKEN", help: "secret of the access token (KONSUL_TOKEN)" },
  { name: "token-file", value: "FILE", help: "file that holds the token" },
  { name: "ca-cert", value: "FILE", help: "certificate authority of an HTTPS agent (KONSUL_CA_CERT)" },
  { name: "client-cert", value: "FILE", help: "client certificate for an HTTPS agent (KONSUL_CLIENT_CERT)" },
  { name: "client-key", value: "FILE", help: "key of the client certificate (KONSUL_CLIENT_KEY)" },
  { name: "tls-server-name", value: "NAME", help: "whose certificate is wanted (default: the host of the URL)" },
  { name: "timeout", value: "DURATION", help: "longest wait for an answer (default: 10s)" },
];
export const JSON_FLAG: Flag = { name: "json", help: "machine-readable output" };
export const CONSISTENT: Flag = { name: "consistent", help: "linearizable read instead of this node's own state" };
export const KEY: Position = { name: "KEY", help: "1 to 1024 bytes of UTF-8" };

/** A command that asks an agent: it says where that is, and may print JSON. */
export function client(
  path: string,
  summary: string,
  more: { readonly positions?: readonly Position[]; readonly flags?: readonly Flag[]; readonly run: Command["run"] },
): Command {
  return {
    path: path.split(" "),
    summary,
    positions: more.positions ?? [],
    flags: [...(more.flags ?? []), JSON_FLAG, ...CLIENT],
    run: more.run,
  };
}
