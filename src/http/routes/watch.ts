import { fromUtf8, utf8 } from "../../base/index.ts";
import { startsWithBytes, type ChangesSince, type StateScope } from "../../fsm/index.ts";
import type { HttpDeps } from "../deps.ts";
import { ApiError, badRequest } from "../errors.ts";
import { keyFields } from "../key-fields.ts";
import { readFailure } from "../failures.ts";
import { checkKey, checkPrefix } from "../key-path.ts";
import { Query } from "../query.ts";
import type { Responder } from "../respond.ts";
import type { RequestUrl } from "../request-url.ts";

export interface WatchCall {
  readonly request: Request;
  readonly url: RequestUrl;
  readonly respond: Responder;
  readonly access: { readonly denial: () => ApiError | undefined };
}

interface Position {
  readonly index: number;
  /** Of the last change that was sent of this entry; without it: all of them were. */
  readonly sub?: number;
}

type RowChange = Extract<ChangesSince, { kind: "changes" }>["changes"][number];

/** A comment keeps proxies from closing a stream on which nothing happens. */
const SILENCE_MS_MAX = 15_000;
const CHANGES_AT_ONCE = 500;

/**
 * Every change under a prefix (or of one key), in order, as server-sent events. Pulled by the reader: one that is slow
 * holds no memory here, and gets one `reset` when the changes it has not seen are gone. Never a silent gap.
 */
export async function watch(deps: HttpDeps, { request, url, respond, access }: WatchCall): Promise<Response> {
  const query = new Query(url, ["prefix", "key", "last_event_id"]);
  if (query.has("key") && query.has("prefix")) throw badRequest("key", "does not go with prefix");
  const key = query.text("key");
  const scope = key === undefined ? { prefix: checkPrefix(query.text("prefix") ?? utf8("")) } : { key: checkKey(key) };
  const last = request.headers.get("last-event-id") ?? url.searchParams.get("last_event_id");
  const resumed = last === null ? undefined : parsePosition(last);
  // A node that is behind the one where the stream began waits: else it would find the position in the future.
  const minIndex = resumed === undefined ? {} : { minIndex: resumed.index };
  const failure = await deps.replica.prepareRead({ isConsistent: false, signal: request.signal, ...minIndex });
  if (failure !== undefined) throw readFailure(failure);
  if (deps.replica.watcherCount >= deps.limits.watchersMax) throw readFailure({ kind: "too-many-watchers" });
  const stream = new WatchStream(deps, scope, {
    access,
    position: resumed ?? { index: deps.replica.fsm.appliedIndex },
  });
  return respond.bytes(stream.open(request.signal), { type: "text/event-stream; charset=utf-8" });
}

type KeyScope = Extract<StateScope, { key: Uint8Array } | { prefix: Uint8Array }>;

class WatchStream {
  readonly #deps: HttpDeps;
  readonly #scope: KeyScope;
  readonly #access: WatchCall["access"];
  readonly #left = new AbortController();
  #position: Position;

  constructor(
    deps: HttpDeps,
    scope: KeyScope,
    { access, position }: { readonly access: WatchCall["access"]; readonly position: Position },
  ) {
    this.#deps = deps;
    this.#scope = scope;
    this.#access = access;
    this.#position = position;
  }

  open(signal: AbortSignal): ReadableStream<Uint8Array> {
    signal.addEventListener("abort", () => this.#left.abort());
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => controller.enqueue(utf8(this.#comment("watching"))),
        pull: async (controller) => {
          const from = this.#position;
          let text = this.#take() ?? (await this.#wait());
          if (this.#left.signal.aborted) return;
          // Last of all, as rights may have been taken away while it waited.
          const denial = this.#access.denial();
          if (denial !== undefined) {
            // What was taken is not sent: who comes back with rights again has not seen it.
            this.#position = from;
            text = this.#end(denial);
          }
          controller.enqueue(utf8(text.events));
          if (text.isLast) controller.close();
        },
        cancel: () => this.#left.abort(),
      },
      { highWaterMark: 0 },
    );
  }

  /** What there is to send now; undefined: nothing. */
  #take(): { readonly events: string; readonly isLast: boolean } | undefined {
    const { fsm } = this.#deps.replica;
    for (;;) {
      const found = fsm.changes.changesSince(this.#position, CHANGES_AT_ONCE);
      if (found.kind === "compacted") {
        this.#position = { index: fsm.appliedIndex };
        const { index } = this.#position;
        return { events: event("reset", String(index), { index }), isLast: false };
      }
      const end = found.changes.at(-1);
      if (found.isComplete) this.#position = { index: fsm.appliedIndex };
      else if (end !== undefined) this.#position = { index: end.index, sub: end.sub };
      const events = found.changes.flatMap((change) => (this.#covers(change) ? [eventOf(change)] : []));
      if (events.length > 0) return { events: events.join(""), isLast: false };
      if (found.isComplete) return undefined;
    }
  }

  async #wait(): Promise<{ readonly events: string; readonly isLast: boolean }> {
    const { index } = this.#position;
    const { replica } = this.#deps;
    const rights = new AbortController();
    const forget = replica.fsm.acl.onChange(() => rights.abort());
    const failure = await replica.prepareRead({
      isConsistent: false,
      blocking: {
        scope: this.#scope,
        index,
        waitMs: SILENCE_MS_MAX,
        // Else a scope at rest would be searched for among all that others changed, and be told `reset` once that is too much.
        onUnchanged: (upTo) => (this.#position = { index: upTo }),
      },
      signal: AbortSignal.any([this.#left.signal, rights.signal]),
    });
    forget();
    if (failure === undefined) return this.#take() ?? { events: this.#comment("nothing new"), isLast: false };
    return this.#end(readFailure(failure));
  }

  /** A reader that comes back goes on from here, though it has seen no event yet. */
  #comment(text: string): string {
    return `: ${text}\nid: ${this.#id()}\n\n`;
  }

  #end({ code, message }: ApiError): { readonly events: string; readonly isLast: boolean } {
    return { events: event("end", this.#id(), { error: code, message }), isLast: true };
  }

  #id(): string {
    const { index, sub } = this.#position;
    return sub === undefined ? String(index) : `${index}.${sub}`;
  }

  #covers(change: RowChange): boolean {
    if (change.table !== "kv") return false;
    if ("key" in this.#scope) return Buffer.compare(this.#scope.key, change.key) === 0;
    return startsWithBytes(change.key, this.#scope.prefix);
  }
}

function eventOf(change: RowChange): string {
  const id = `${change.index}.${change.sub}`;
  const key = fromUtf8(change.key);
  if (change.kind === "delete" || change.table !== "kv")
    return event("delete", id, { key, modify_index: change.index });
  const { row } = change;
  return event("put", id, keyFields(key, row));
}

/** JSON holds no line break, so one data line is enough. */
function event(name: string, id: string, data: Readonly<Record<string, unknown>>): string {
  return `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

function parsePosition(text: string): Position {
  const match = /^(\d{1,16})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) throw badRequest("last_event_id", `must be the id of an event, such as 12.0: it is "${text}"`);
  const index = Number(match[1]);
  if (!Number.isSafeInteger(index)) throw new ApiError("bad_request", "last_event_id is out of range");
  return match[2] === undefined ? { index } : { index, sub: Number(match[2]) };
}
