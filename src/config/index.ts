export type { Config, TlsPaths } from "./config.ts";
export { loadConfig } from "./load-config.ts";
export { parseDuration, parseSize } from "./quantities.ts";
export { redact } from "./redact.ts";
export { flagOf, SETTINGS, variableOf, type Setting } from "./settings.ts";
export { suggestion, type Mistake, type Sources } from "./sources.ts";
export * from "./network.ts";
