export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
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

/** One line an event, text for people or JSON for machines. A message holds no secret and no line break. */
export function createLogger(options: LoggerOptions): Logger {
  let least = LEVELS.indexOf(options.level);
  const log = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    if (LEVELS.indexOf(level) < least) return;
    const time = new Date(options.now()).toISOString();
    options.write(
      options.format === "json"
        ? JSON.stringify({ time, level, message, ...fields })
        : textLine(time, level, message, fields),
    );
  };
  return {
    debug: (message, fields) => log("debug", message, fields),
    info: (message, fields) => log("info", message, fields),
    warn: (message, fields) => log("warn", message, fields),
    error: (message, fields) => log("error", message, fields),
    setLevel: (level) => {
      least = LEVELS.indexOf(level);
    },
  };
}

function textLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  const parts = [time, level.toUpperCase().padEnd(5), clean(message)];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const text = clean(String(value));
    parts.push(`${name}=${/[\s"=]/.test(text) || text === "" ? JSON.stringify(text) : text}`);
  }
  return parts.join(" ");
}

/** Control characters would forge lines or colours in a terminal. */
function clean(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}
