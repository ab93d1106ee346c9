export * from "./allowed-networks.ts";
export * from "./check-runner.ts";
export * from "./probe.ts";
export * from "./target.ts";
