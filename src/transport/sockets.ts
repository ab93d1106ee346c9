import type { Socket, SocketHandler, TCPSocketListener } from "bun";
import type { Connection } from "./connection.ts";

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

/** Refused means that nobody listens there: the one failure that says something about the process. */
export type DialFailure = { readonly isRefused: boolean; readonly message: string };

/** Dials; the connection gets its events. The name is resolved anew each time. */
export function dial(to: HostPort, connection: Connection, onFailure: (failure: DialFailure) => void): void {
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
    socket: { ...handlers, connectError: () => undefined },
  }).catch(failed);
}

/** Listens; `accept` makes the connection of each new socket. @throws when the address is taken or not ours */
export function listen(at: HostPort, accept: (remote: string) => Connection): TCPSocketListener<Connection> {
  return Bun.listen<Connection>({
    hostname: at.host,
    port: at.port,
    socket: {
      ...handlers,
      open: (socket: Socket<Connection>) => {
        socket.data = accept(socket.remoteAddress);
        socket.data.onOpen(socket);
      },
    },
  });
}
