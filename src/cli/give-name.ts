import { existsSync, linkSync, renameSync } from "node:fs";
import { CommandFailed } from "./command.ts";

/**
 * Gives a finished file its name, unless somebody else has it by now: a link is made only where there is nothing. File
 * systems without links refuse in words of their own; whatever else it was, renaming meets it as well.
 */
export function giveName(part: string, file: string, link: (from: string, to: string) => void = linkSync): void {
  try {
    link(part, file);
  } catch (cause) {
    const isThere = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    if (isThere || existsSync(file)) {
      throw new CommandFailed(`${file} exists by now, and is not overwritten: name another file`);
    }
    renameSync(part, file);
  }
}
