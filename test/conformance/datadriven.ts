/** One case of a datadriven file. */
export interface DatadrivenCase {
  /** `file:line` of the directive. */
  readonly place: string;
  readonly command: string;
  /** Values by key, in order; an argument without `=` has none. */
  readonly args: ReadonlyMap<string, readonly string[]>;
  readonly input: string;
  /** Ends in a line break unless empty. */
  readonly expected: string;
}

const SEPARATOR = "----";

/**
 * Parses a file in the grammar of datadriven tests: comments and blank lines between cases; a directive line, input
 * lines, `----`, the expected output until a blank line; after a doubled `----` blank lines belong to the output.
 */
export function parseDatadriven(name: string, text: string): DatadrivenCase[] {
  const lines = text.replace(/\n$/, "").split("\n");
  const cases: DatadrivenCase[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = (lines[at] ?? "").trim();
    if (line === "" || line.startsWith("#")) {
      at += 1;
      continue;
    }
    const place = `${name}:${at + 1}`;
    let directive = line;
    at += 1;
    while (directive.endsWith("\\")) {
      directive = `${directive.slice(0, -1).trimEnd()} ${(lines[at] ?? "").trim()}`;
      at += 1;
    }
    const separator = lines.indexOf(SEPARATOR, at);
    if (separator < 0) throw new Error(`${place}: a case must have a line ${SEPARATOR}`);
    const input = lines.slice(at, separator).join("\n").trim();
    const output = readExpected(lines, separator + 1);
    at = output.end;
    cases.push({ place, ...parseDirective(place, directive), input, expected: output.text });
  }
  return cases;
}

function readExpected(lines: readonly string[], from: number): { readonly text: string; readonly end: number } {
  if (lines[from] !== SEPARATOR) {
    const blank = lines.indexOf("", from);
    const end = blank < 0 ? lines.length : blank;
    return { text: toText(lines.slice(from, end)), end };
  }
  let end = from + 1;
  while (end < lines.length && !(lines[end] === SEPARATOR && lines[end + 1] === SEPARATOR)) end += 1;
  return { text: toText(lines.slice(from + 1, end)), end: end + 2 };
}

function toText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function parseDirective(place: string, directive: string): Pick<DatadrivenCase, "command" | "args"> {
  const [command = "", ...words] = splitOutsideParentheses(directive, " ").filter((word) => word !== "");
  const args = new Map<string, readonly string[]>();
  for (const word of words) {
    const equals = word.indexOf("=");
    const key = equals < 0 ? word : word.slice(0, equals);
    if (args.has(key)) throw new Error(`${place}: the argument ${key} must be given once`);
    args.set(key, equals < 0 ? [] : parseValues(word.slice(equals + 1)));
  }
  return { command, args };
}

function parseValues(text: string): string[] {
  if (!text.startsWith("(")) return [text];
  if (!text.endsWith(")")) throw new Error(`A value list must end in ")": ${text}`);
  const inner = text.slice(1, -1);
  return inner === "" ? [] : splitOutsideParentheses(inner, ",").map((value) => value.trim());
}

function splitOutsideParentheses(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (const char of text) {
    if (char === "(") depth += 1;
    if (char === ")") depth -= 1;
    if (char === separator && depth === 0) {
      parts.push(part);
      part = "";
    } else part += char;
  }
  return [...parts, part];
}
