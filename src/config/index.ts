export type { Config, TlsPaths } from "./config.ts";
export { loadConfig } from "./load-config.ts";
export { parseDuration, parseSize } from "./quantities.ts";
export { redact } from "./redact.ts";
export { flagOf, variableOf, type Setting } from "./setting.ts";
export { SETTINGS } from "./settings.ts";
export { suggestion, type Mistake, type Sources } from "./sources.ts";
export * from "./network.ts";
