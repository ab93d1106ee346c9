import { CommandFailed } from "./command.ts";

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such file"],
  ["EACCES", "this user may not read it"],
  ["EISDIR", "it is a folder"],
  ["ENOTDIR", "there is no such file"],
]);

/** A file that the user named, and the flag or variable by which, if it was one. */
export function unreadable(file: string, cause: unknown, source?: string): CommandFailed {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const why = REASONS.get(code) ?? (cause instanceof Error ? cause.message : String(cause));
  return new CommandFailed(`Cannot read ${file}${source === undefined ? "" : ` (${source})`}: ${why}`);
}
