import { EMPTY_BYTES, fromUtf8, utf8 } from "../../base/index.ts";
import type { SessionTables } from "./session-apply.ts";
import type { SessionRow } from "./session-row.ts";

export interface SessionEntry {
  readonly id: string;
  readonly row: SessionRow;
}

/** Reads of the sessions at the applied index. Rows are shared: never write to them. */
export interface SessionQueries {
  get(id: string): SessionRow | undefined;
  list(): readonly SessionEntry[];
  /** What the session holds, in byte order. */
  keysOf(id: string): readonly Uint8Array[];
  readonly count: number;
}

export function createSessionQueries({ sessions, holders }: SessionTables): SessionQueries {
  return {
    get: (id) => sessions.get(utf8(id)),
    list: () => Array.from(sessions.range({ from: EMPTY_BYTES }), ([key, row]) => ({ id: fromUtf8(key), row })),
    keysOf: (id) => holders.keysOf(id),
    get count() {
      return sessions.size;
    },
  };
}
