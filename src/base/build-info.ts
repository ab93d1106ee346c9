declare const KONSUL_VERSION: string | undefined;
declare const KONSUL_COMMIT: string | undefined;

/** Set by the build; a run from source says so. */
export const VERSION = typeof KONSUL_VERSION === "string" ? KONSUL_VERSION : "0.0.0-source";
export const COMMIT = typeof KONSUL_COMMIT === "string" ? KONSUL_COMMIT : "unknown";
