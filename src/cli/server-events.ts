import { toRecord } from "./json-record.ts";

export interface ServerEvent {
  /** Empty: nothing happened, up to `id`. */
  readonly name: string;
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Events of a text/event-stream, one data line each, as this API sends them; comments are left out. */
export async function* serverEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let pending = "";
  for await (const chunk of body) {
    pending += decoder.decode(chunk, { stream: true });
    const blocks = pending.split("\n\n");
    pending = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(
        block.split("\n").map((line) => [line.split(": ", 1)[0], line.slice(line.indexOf(": ") + 2)]),
      );
      const [name, id, data] = [fields.get("event"), fields.get("id"), fields.get("data")];
      if (id === undefined) continue;
      if (name === undefined || data === undefined) yield { name: "", id, data: {} };
      else yield { name, id, data: toRecord(new TextEncoder().encode(data)) };
    }
  }
}
