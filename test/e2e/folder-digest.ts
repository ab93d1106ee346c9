import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Of every name and byte below a folder. */
export function digest(folder: string): string {
  const sha = new Bun.CryptoHasher("sha256");
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1))) {
    sha.update(pathOf(entry));
    if (entry.isFile()) sha.update(readFileSync(pathOf(entry)));
  }
  return sha.digest("hex");
}

function pathOf(entry: { readonly parentPath: string; readonly name: string }): string {
  return join(entry.parentPath, entry.name);
}
