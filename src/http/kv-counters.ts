import type { BoundCounter, Metrics } from "../telemetry/index.ts";

type Operation = "get" | "put" | "delete" | "delete-tree" | "list" | "txn" | "acquire" | "release";

/** Operations on keys by their kind: each counter is found once, and not with each request. */
export type KvCounters = Readonly<Record<Operation, BoundCounter>>;

export function bindKvCounters(metrics: Metrics): KvCounters {
  const bind = (operation: Operation): BoundCounter => metrics.counter("konsul_kv_operations_total", { operation });
  return {
    get: bind("get"),
    put: bind("put"),
    delete: bind("delete"),
    "delete-tree": bind("delete-tree"),
    list: bind("list"),
    txn: bind("txn"),
    acquire: bind("acquire"),
    release: bind("release"),
  };
}
