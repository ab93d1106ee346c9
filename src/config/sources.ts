import { parse as parseYaml } from "yaml";
import { err, ok, type Result } from "../base/index.ts";
import { openTelemetryVariables } from "./open-telemetry-variables.ts";
import { flagOf, variableOf, type Setting } from "./setting.ts";
import { SETTINGS } from "./settings.ts";
import type { Written } from "./written.ts";

/** One mistake, with its place and what to do. */
export interface Mistake {
  readonly source: string;
  readonly message: string;
}

export interface Sources {
  /** Flag name without dashes → values as given; `true` for a flag without value. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file?: { readonly name: string; readonly text: string };
  /** Only the file is judged: what flags and variables would add is not known. */
  readonly isFileAlone?: boolean;
}

/** Values by setting key, the first source that has it: flag, variable, file, and OpenTelemetry's own variables. */
export function collect(sources: Sources): {
  readonly values: ReadonlyMap<string, Written>;
  readonly mistakes: readonly Mistake[];
  /** Keys for which there is only something in the file that is no value. */
  readonly unread: ReadonlySet<string>;
  /** Or there is none. */
  readonly isFileRead: boolean;
} {
  const values = new Map<string, Written>();
  const mistakes: Mistake[] = [];
  const none: FileValues = { values: new Map(), unread: [] };
  const fromFile = sources.file === undefined ? ok(none) : readFile(sources.file, mistakes);
  if (!fromFile.ok) mistakes.push(fromFile.error);
  for (const setting of SETTINGS) {
    const flag = sources.flags.get(flagOf(setting));
    const variable = sources.environment[variableOf(setting)];
    if (flag !== undefined) values.set(setting.key, { text: flag.join(","), source: `--${flagOf(setting)}` });
    else if (variable !== undefined && variable !== "") {
      values.set(setting.key, { text: variable, source: variableOf(setting) });
    } else if (fromFile.ok) {
      const written = fromFile.value.values.get(setting.key);
      if (written !== undefined) values.set(setting.key, written);
    }
  }
  for (const [key, written] of openTelemetryVariables(sources.environment, values)) values.set(key, written);
  mistakes.push(...unknownVariables(sources.environment));
  const unread = fromFile.ok ? fromFile.value.unread.filter((key) => !values.has(key)) : [];
  return { values, mistakes, unread: new Set(unread), isFileRead: fromFile.ok };
}

/** Variables that client commands read, and that are none of the agent's settings. */
const CLIENT_VARIABLES = new Set(["KONSUL_HTTP_ADDR", "KONSUL_TOKEN", "KONSUL_BIN", "KONSUL_LONG", "KONSUL_TESTDATA"]);

function unknownVariables(environment: Sources["environment"]): Mistake[] {
  const known = new Set(SETTINGS.map(variableOf));
  const sections = SETTINGS.filter(({ key }) => key.includes(".")).map(({ key }) => key.split(".")[0]?.toUpperCase());
  const ours = new RegExp(`^KONSUL_(?:${[...new Set(sections), "LOG"].join("|")})_`);
  return Object.keys(environment)
    .filter((name) => ours.test(name) && !known.has(name) && !CLIENT_VARIABLES.has(name))
    .map((name) => ({ source: name, message: `is no setting${suggestion(name, [...known])}` }));
}

interface FileValues {
  readonly values: Map<string, Written>;
  readonly unread: string[];
}

function readFile(
  file: { readonly name: string; readonly text: string },
  mistakes: Mistake[],
): Result<FileValues, Mistake> {
  let parsed: unknown;
  try {
    // Its warnings are about what is refused below.
    parsed = parseYaml(file.text, { logLevel: "error" });
  } catch (cause) {
    const message = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
    return err({ source: file.name, message: `is neither JSON nor YAML: ${message}` });
  }
  const values = new Map<string, Written>();
  const unread: string[] = [];
  if (parsed === null || parsed === undefined) return ok({ values, unread });
  if (typeof parsed !== "object" || Array.isArray(parsed))
    return err({ source: file.name, message: "must be a mapping of settings" });
  const known = new Map(SETTINGS.map((setting) => [setting.key, setting]));
  walk([parsed], "", (key, value) => {
    const source = `${file.name}: ${key}`;
    const setting = known.get(key);
    const text = setting === undefined ? err(unknownKey(key)) : toText(value, setting);
    if (text.ok) values.set(key, { text: text.value, source });
    else {
      unread.push(key, ...settingsIn(key));
      mistakes.push({ source, message: text.error });
    }
  });
  return ok({ values, unread });
}

function isMapping(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  return value === null || (isMapping(value) && Object.keys(value).length === 0);
}

/** Keys of the settings of a section; none where the key is none. */
function settingsIn(key: string): readonly string[] {
  return SETTINGS.map((setting) => setting.key).filter((one) => one.startsWith(`${key}.`));
}

function unknownKey(key: string): string {
  const [one] = settingsIn(key);
  if (one !== undefined) return `is a section of settings, such as ${one}: it has no value of its own`;
  return `is no setting${suggestion(
    key,
    SETTINGS.map((setting) => setting.key),
  )}`;
}

/** A section of which every setting is left out. */
function isEmptySection(key: string, value: unknown): boolean {
  return isEmpty(value) && settingsIn(key).length > 0;
}

/** `within`: a mapping, and those around it, as an alias in YAML may stand for one of them. */
function walk(
  within: readonly [object, ...object[]],
  prefix: string,
  visit: (key: string, value: unknown) => void,
): void {
  const [node] = within;
  const fields: readonly (readonly [string, unknown])[] = Object.entries(node);
  for (const [name, value] of fields) {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    if (isMapping(value) && !isEmpty(value) && !within.includes(value)) walk([value, ...within], key, visit);
    else if (!isEmptySection(key, value)) visit(key, value);
  }
}

function toText(value: unknown, { kind }: Setting): Result<string, string> {
  if (isEmpty(value)) return err("has no value: give it one, or leave it out");
  if (isMapping(value)) return err("must be one value: it is a mapping");
  if (!Array.isArray(value)) return ok(String(value));
  const parts: readonly unknown[] = value;
  if (kind !== "list") return err("must be one value: it is a list");
  if (parts.some((part) => typeof part === "object")) return err("must be a list of texts");
  return ok(parts.map(String).join(","));
}

/** ` (did you mean X?)`, when something close exists. */
export function suggestion(wrong: string, known: readonly string[], prefix = ""): string {
  let best: string | undefined;
  // Of a short word nearly every other one is two letters away.
  let bestDistance = Math.max(1, Math.floor(wrong.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(wrong.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best === undefined ? "" : ` (did you mean ${prefix}${best}?)`;
}

/** Letters that are missing, too many, wrong, or two that changed places. */
function editDistance(a: string, b: string): number {
  let before: readonly number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwapped ? (before[j - 2] ?? 0) + 1 : Infinity;
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
