import type { Setting } from "./setting.ts";

/** Of both ports: that of the peers, and that of the API. */
export const TLS_SETTINGS: readonly Setting[] = [
  { key: "raft.tls.enabled", kind: "flag", standard: "false", help: "mutual TLS between peers" },
  { key: "raft.tls.ca_file", kind: "text", standard: "", help: "authorities that peers' certificates must come from" },
  { key: "raft.tls.cert_file", kind: "text", standard: "", help: "this node's certificate on the peer port" },
  { key: "raft.tls.key_file", kind: "text", standard: "", help: "its key" },
  {
    key: "raft.tls.verify_peer",
    kind: "flag",
    standard: "true",
    help: "a peer's certificate must be for its id, name, advertised host or konsul://CLUSTER/peer",
  },
  {
    key: "raft.tls.min_version",
    kind: "choice",
    standard: "1.3",
    choices: ["1.2", "1.3"],
    help: "least version of TLS between peers",
  },
  { key: "tls.enabled", kind: "flag", standard: "false", help: "HTTPS on the API" },
  { key: "tls.cert_file", kind: "text", standard: "", help: "certificate of the API" },
  { key: "tls.key_file", kind: "text", standard: "", help: "its key" },
  { key: "tls.ca_file", kind: "text", standard: "", help: "authorities that clients' certificates must come from" },
  {
    key: "tls.client_auth",
    kind: "choice",
    standard: "off",
    choices: ["off", "require"],
    help: "whether clients must show a certificate; who they are is said by tokens alone",
  },
];
