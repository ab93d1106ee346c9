export type { CallHandler, CallOutcome } from "./calls.ts";
export type { RejectReason } from "./handshake.ts";
export type { Introduction } from "./introduction.ts";
export { createNoTransport } from "./no-transport.ts";
export { mintPeerKey, NO_PEER_KEY, peerKeyOf, type PeerKey } from "./peer-key.ts";
export { parseHostPort, type HostPort } from "./sockets.ts";
export { createTcpTransport } from "./tcp-transport.ts";
export type { SelfIntroduction, TcpTransport, TcpTransportOptions } from "./transport-options.ts";
export { checkTlsFiles, type PeerTls } from "./peer-tls.ts";
