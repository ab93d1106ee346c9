import { Database } from "bun:sqlite";

export interface EntryLog {
  /** One transaction; on return it is synced. */
  append(first: number, entries: readonly Uint8Array[]): void;
}

export function openEntryLog(file: string): EntryLog {
  const database = new Database(file, { create: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("CREATE TABLE entries (at INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  const insert = database.query("INSERT INTO entries VALUES (?, ?)");
  return {
    append: database.transaction((first: number, entries: readonly Uint8Array[]) => {
      for (const [offset, bytes] of entries.entries()) insert.run(first + offset, bytes);
    }),
  };
}
