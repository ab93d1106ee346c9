import { connect, type Socket } from "node:net";

const AT_ONCE = 200;

/** Blocking reads that wait, each on a connection and for a key of its own that nobody writes. */
export class IdleWatchers {
  readonly #url: URL;
  readonly #sockets: Socket[] = [];

  constructor(url: string) {
    this.#url = new URL(url);
  }

  /** On return, so many wait. */
  async growTo(count: number): Promise<void> {
    const index = Number((await fetch(`${this.#url.origin}/kv/?prefix=watched/`)).headers.get("x-konsul-index"));
    while (this.#sockets.length < count) {
      const more = Math.min(AT_ONCE, count - this.#sockets.length);
      const opened = Array.from({ length: more }, async (_, at) => this.#open(this.#sockets.length + at, index));
      this.#sockets.push(...(await Promise.all(opened)));
    }
  }

  async #open(at: number, index: number): Promise<Socket> {
    const { hostname, port, host } = this.#url;
    const socket = connect({ host: hostname, port: Number(port) });
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    socket.once("connect", () => resolve(undefined));
    socket.once("error", reject);
    await promise;
    socket.on("data", (bytes) => {
      throw new Error(`A watcher was woken: ${bytes.toString()}`);
    });
    socket.write(`GET /kv/watched/${at}?index=${index}&wait=600s HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    return socket;
  }

  end(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }
}
