import type { Socket, SocketHandler, TCPSocketListener } from "bun";
import type { Connection } from "./connection.ts";
import { judgeCertificate, tlsOptions, type PeerTls } from "./peer-tls.ts";

/** HOST:PORT; an IPv6 host stands in brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export function parseHostPort(address: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { host, port };
}

const handlers: SocketHandler<Connection> = {
  open: (socket) => socket.data.onOpen(socket),
  data: (socket, chunk) => socket.data.onData(chunk),
  drain: (socket) => socket.data.onDrain(),
  close: (socket) => socket.data.onClose(),
  error: (socket) => socket.data.onClose(),
  end: (socket) => {
    socket.end();
    socket.data.onClose();
  },
};

/** With TLS, a connection is open only once both certificates were looked at. */
function withTls(tls: PeerTls): SocketHandler<Connection> {
  return {
    ...handlers,
    open: () => undefined,
    handshake: (socket, _, cause) => {
      const judged = judgeCertificate(socket, tls, cause);
      if (judged.ok) socket.data.onOpen(socket, judged.value);
      else socket.data.onDistrusted(socket, judged.error);
    },
  };
}

/** Refused means that nobody listens there: the one failure that says something about the process. */
export type DialFailure = { readonly isRefused: boolean; readonly message: string };

/** Dials; the connection gets its events. The name is resolved anew each time. */
export function dial(
  to: HostPort,
  connection: Connection,
  { tls, onFailure }: { readonly tls: PeerTls | undefined; readonly onFailure: (failure: DialFailure) => void },
): void {
  const failed = (cause: unknown): void => {
    const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
    const message = cause instanceof Error ? cause.message : String(cause);
    onFailure({ isRefused: code === "ECONNREFUSED", message });
  };
  // Rejects as well as calling `connectError`: the promise alone is used.
  Bun.connect({
    hostname: to.host,
    port: to.port,
    data: connection,
    // Judged in the handshake: the library alone would insist on the dialed host.
    ...(tls === undefined ? {} : { tls: { ...tlsOptions(tls), rejectUnauthorized: false } }),
    socket: { ...(tls === undefined ? handlers : withTls(tls)), connectError: () => undefined },
  }).catch(failed);
}

/** Listens; `accept` makes the connection of each new socket. @throws when the address is taken or not ours */
export function listen(
  at: HostPort,
  tls: PeerTls | undefined,
  accept: (remote: string) => Connection,
): TCPSocketListener<Connection> {
  const base = tls === undefined ? handlers : withTls(tls);
  const socket = {
    ...base,
    open: (opened: Socket<Connection>) => {
      opened.data = accept(opened.remoteAddress);
      if (tls === undefined) opened.data.onOpen(opened);
    },
  };
  if (tls === undefined) return Bun.listen<Connection>({ hostname: at.host, port: at.port, socket });
  const secured = { ...tlsOptions(tls), requestCert: true, rejectUnauthorized: true };
  return Bun.listen<Connection>({ hostname: at.host, port: at.port, tls: secured, socket });
}
