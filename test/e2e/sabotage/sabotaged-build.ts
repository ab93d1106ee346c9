import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../agent-process.ts";

const ROOT = join(import.meta.dir, "..", "..", "..");

/** One place of the source, and what it is broken to. */
export interface Patch {
  readonly file: string;
  readonly line: string;
  readonly broken: string;
}

export const SABOTAGES = {
  readsWithoutQuorum: {
    file: "src/replica/reads.ts",
    line: "const unconfirmed = isConsistent ? await this.#readPoint() : undefined;",
    broken: "const unconfirmed = undefined;",
  },
  voteNotPersisted: {
    file: "src/storage/persist-codec.ts",
    line: 'if (hard !== undefined) writer.u53(hard.term).text(hard.vote ?? "");',
    broken: 'if (hard !== undefined) writer.u53(hard.term).text("");',
  },
  noSync: {
    file: "src/storage/log-database.ts",
    line: "database.run(`PRAGMA synchronous = ${synchronous}`);",
    broken: 'database.run("PRAGMA synchronous = OFF");',
  },
  answerBeforeSync: {
    file: "src/node/outbox.ts",
    line: "if (after === undefined || after <= this.#durableTicket) this.#ready.push(message);",
    broken:
      'if (after === undefined || after <= this.#durableTicket || message.kind === "append-reply") this.#ready.push(message);',
  },
} as const satisfies Readonly<Record<string, Patch>>;

/** An executable with this one fault. @throws Error when the line is not there any more: the fault must be moved */
export function buildSabotaged(sabotage: Patch): string {
  return buildPatched([sabotage]);
}

/** An executable of the source with these changes. @throws Error when one of the places is not there any more */
export function buildPatched(patches: readonly Patch[]): string {
  const folder = patchedSource(patches);
  const executable = join(folder, "konsul-patched");
  const built = Bun.spawnSync([process.execPath, join(folder, "scripts", "build.ts"), executable], { cwd: folder });
  if (!built.success) throw new Error(`the patched build failed: ${built.stderr.toString()}`);
  return executable;
}

/** A copy of the source with all of these changes. @throws Error when one of the places is not there any more */
export function patchedSource(patches: readonly Patch[]): string {
  const folder = temporaryFolder();
  for (const name of ["src", "scripts", "package.json", "tsconfig.json"]) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const { file, line, broken } of patches) {
    const path = join(folder, file);
    const source = readFileSync(path, "utf8");
    if (!source.includes(line)) throw new Error(`${file} has no line "${line}" any more`);
    writeFileSync(path, source.replace(line, broken));
  }
  return folder;
}
