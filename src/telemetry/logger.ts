export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log, with these fields in every line. */
  child(fields: LogFields): Logger;
  /** Whether a line of this level is written: spares the caller to build its fields. */
  isEnabled(level: LogLevel): boolean;
  /** Takes effect at once, for all who hold this logger. */
  setLevel(level: LogLevel): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Wall clock in ms, for display. */
  readonly now: () => number;
  /** Takes one line without its end. */
  readonly write: (line: string) => void;
}

/** What is never written, whoever passes it. */
const SECRET = /token|secret|password|authorization|private_?key/i;

/** One line an event, text for people or JSON for machines. A message holds no secret. */
export function createLogger(options: LoggerOptions): Logger {
  return loggerWith(options, { least: LEVELS.indexOf(options.level) }, {});
}

function loggerWith(options: LoggerOptions, shared: { least: number }, own: LogFields): Logger {
  const log = (level: LogLevel, message: string, given: LogFields = {}): void => {
    if (LEVELS.indexOf(level) < shared.least) return;
    const time = new Date(options.now()).toISOString();
    const fields = withoutSecrets({ ...own, ...given });
    // In JSON the first three are named twice: once for the order, once so that no field takes their place.
    const line =
      options.format === "json"
        ? JSON.stringify(Object.assign({ time, level, message }, fields, { time, level, message }))
        : textLine({ time, level, message }, fields);
    options.write(line);
  };
  return {
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
    child: (fields) => loggerWith(options, shared, { ...own, ...fields }),
    isEnabled: (level) => LEVELS.indexOf(level) >= shared.least,
    setLevel: (level) => {
      shared.least = LEVELS.indexOf(level);
    },
  };
}

function withoutSecrets(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      SECRET.test(name) && value !== undefined ? "(secret)" : value,
    ]),
  );
}

function textLine(line: { time: string; level: LogLevel; message: string }, fields: LogFields): string {
  const parts = [line.time, line.level.toUpperCase().padEnd(5), clean(line.message)];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const text = clean(String(value));
    parts.push(`${name}=${/[\s"=]/.test(text) || text === "" ? JSON.stringify(text) : text}`);
  }
  return parts.join(" ");
}

/** Control characters would forge lines or colours in a terminal. */
function clean(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
