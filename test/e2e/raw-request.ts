export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Sends the very lines of a request, which no HTTP library would send, and reads until the server hangs up. */
export async function rawRequest(url: string, lines: readonly string[]): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const text = await new Promise<string>((resolve, reject) => {
    const decoder = new TextDecoder();
    let came = "";
    void Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open: (socket) => void socket.write(`${[...lines, "Connection: close"].join("\r\n")}\r\n\r\n`),
        data: (_, bytes) => {
          came += decoder.decode(bytes, { stream: true });
        },
        close: () => resolve(came),
        error: (_, cause) => reject(cause),
        connectError: (_, cause) => reject(cause),
      },
    });
  });
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...fields] = text.slice(0, end).split("\r\n");
  const headers = fields.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { status: Number(first.split(" ")[1]), headers: new Headers(headers), body: text.slice(end + 4) };
}
