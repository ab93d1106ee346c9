import { EMPTY_BYTES } from "../../base/index.ts";
import { prefixEnd } from "../table/byte-keys.ts";
import type { ServiceTable } from "./service-apply.ts";
import { parseServiceKey, serviceKey, type ServiceRow } from "./service-row.ts";

export interface ServiceEntry {
  readonly name: string;
  readonly id: string;
  readonly row: ServiceRow;
}

/** Reads of the registry at the applied index. Rows are shared: never write to them. */
export interface ServiceQueries {
  get(name: string, id: string): ServiceRow | undefined;
  /** All instances of a name by id; without a name all there are, by name. */
  list(name?: string): readonly ServiceEntry[];
  readonly count: number;
}

export function createServiceQueries(table: ServiceTable): ServiceQueries {
  return {
    get: (name, id) => table.get(serviceKey(name, id)),
    list: (name) => {
      const from = name === undefined ? EMPTY_BYTES : serviceKey(name, "");
      const to = prefixEnd(from);
      return Array.from(table.range({ from, ...(to === undefined ? {} : { to }) }), ([key, row]) => ({
        ...parseServiceKey(key),
        row,
      }));
    },
    get count() {
      return table.size;
    },
  };
}
