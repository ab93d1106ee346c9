import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const TOP = join(import.meta.dir, "..", "..", "..");
/** Made from the command table: its lines say how a command is called, and are no steps. */
const WITHOUT_STEPS = ["cli.md"];

/** A fenced block of a page. What stands behind the language says what it is: `run=NAME`, `not-run="REASON"` and more. */
export interface Block {
  /** As people are told where to look. */
  readonly place: string;
  readonly language: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly text: string;
}

const TAG = /([\w-]+)(?:=(?:"([^"]*)"|(\S+)))?/g;

/** All fenced blocks of the README and of docs/, in order. */
export function readPages(): readonly Block[] {
  const docs = readdirSync(join(TOP, "docs")).filter((name) => name.endsWith(".md") && !WITHOUT_STEPS.includes(name));
  const pages = ["README.md", ...docs.toSorted().map((name) => `docs/${name}`)];
  return pages.flatMap((page) => blocksOf(page, readFileSync(join(TOP, page), "utf8")));
}

export function blocksOf(page: string, text: string): readonly Block[] {
  const blocks: Block[] = [];
  let open:
    | { readonly head: string; readonly indent: number; readonly line: number; readonly lines: string[] }
    | undefined;
  for (const [at, line] of text.split("\n").entries()) {
    const fence = /^( *)```(.*)$/.exec(line);
    if (fence === null) open?.lines.push(line.slice(open.indent));
    else if (open === undefined)
      open = { head: fence[2] ?? "", indent: fence[1]?.length ?? 0, line: at + 1, lines: [] };
    else {
      const [, language = "", rest = ""] = /^(\S*) *(.*)$/.exec(open.head) ?? [];
      const tags = new Map(
        [...rest.matchAll(TAG)].map(([, name = "", quoted, plain]) => [name, quoted ?? plain ?? ""]),
      );
      blocks.push({ place: `${page}:${open.line}`, language, tags, text: open.lines.join("\n") });
      open = undefined;
    }
  }
  return blocks;
}

/** Commands outside of a fenced block, where no test can see them. */
export function strayCommands(page: string, text: string): readonly string[] {
  let isInside = false;
  return text.split("\n").flatMap((line, at) => {
    if (/^ *```/.test(line)) isInside = !isInside;
    return !isInside && /^ {4,}(?:konsul|scripts\/|curl|kubectl|systemctl|helm) /.test(line)
      ? [`${page}:${at + 1}`]
      : [];
  });
}

/** What is wrong with the tags of a block; undefined: nothing. */
export function untagged({ place, language, tags }: Block): string | undefined {
  if (language === "") return `${place}: say the language of this block`;
  if (!["sh", "bash", "shell", "console"].includes(language)) return undefined;
  if (language !== "sh") return `${place}: commands are "sh" here, not "${language}"`;
  if (tags.has("run") || (tags.get("not-run") ?? "") !== "") return undefined;
  return `${place}: say which runbook these commands belong to (run=NAME), or why no test can run them (not-run="REASON")`;
}

/**
 * Steps run on loopback addresses, where an agent asks for less: what starts one on another address must say itself how its
 * API is guarded. Undefined: it does.
 */
export function unguarded({ place, language, tags, text }: Block): string | undefined {
  if (language !== "sh" || !tags.has("run")) return undefined;
  const commands = text.replaceAll("\\\n", " ").split("\n");
  const isWrong = commands.some(
    (line) => /konsul agent .*--host (?!127\.)/.test(line) && !/--config |--acl-enabled/.test(line),
  );
  return isWrong ? `${place}: this agent would refuse to start there: its API has no access control` : undefined;
}
