import type { LogStore } from "../node/index.ts";

/** Remembers the number of the last durable transaction, which a node tells its peers in each handshake. */
export function countTransactions(log: LogStore): { readonly log: LogStore; readonly seq: () => number } {
  let { seq } = log.initial;
  const counted: LogStore = {
    initial: log.initial,
    persist: (operations, commitHint, done) =>
      log.persist(operations, commitHint, (result) => {
        if (result.ok) ({ seq } = result.value);
        done(result);
      }),
    bootstrap: (identity, first, done) =>
      log.bootstrap(identity, first, (result) => {
        if (result.ok) ({ seq } = result.value);
        done(result);
      }),
    read: (range, done) => log.read(range, done),
    sizeBytes: () => log.sizeBytes(),
    close: (done) => log.close(done),
  };
  return { log: counted, seq: () => seq };
}
