import type { LogIndex } from "../../base/index.ts";
import type { KvRow } from "../kv/kv-row.ts";
import type { ServiceRow } from "../services/service-row.ts";

/** A row that changed. One member per table. Frozen. */
export type RowChange =
  | (ChangePlace & { readonly kind: "put"; readonly table: "kv"; readonly key: Uint8Array; readonly row: KvRow })
  | (ChangePlace & { readonly kind: "delete"; readonly table: "kv"; readonly key: Uint8Array })
  | (ChangePlace & {
      readonly kind: "put";
      readonly table: "services";
      readonly key: Uint8Array;
      readonly row: ServiceRow;
    })
  | (ChangePlace & { readonly kind: "delete"; readonly table: "services"; readonly key: Uint8Array });

/** The whole state was replaced: what was known of it is void. */
export type ResetChange = ChangePlace & { readonly kind: "reset" };

export type Change = RowChange | ResetChange;

export type TableName = RowChange["table"];

/** Changes are ordered by (index, sub); `sub` counts the changes of one entry from 0. */
export interface ChangePlace {
  readonly index: LogIndex;
  readonly sub: number;
}
