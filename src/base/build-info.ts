declare const KONSUL_VERSION: string | undefined;
declare const KONSUL_COMMIT: string | undefined;

/** Set by the build; a run from source says so. */
export const VERSION = typeof KONSUL_VERSION === "string" ? KONSUL_VERSION : "0.0.0-source";
export const COMMIT = typeof KONSUL_COMMIT === "string" ? KONSUL_COMMIT : "unknown";

/**
 * The cluster versions that this release can be part of. A cluster stays at its version until an operator raises it, so a
 * new release writes what the release before it reads: commands, snapshots and the state hash.
 */
export const CLUSTER_VERSION_MIN = 1;
export const CLUSTER_VERSION_MAX = 1;
