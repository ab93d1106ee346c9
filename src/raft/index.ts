export * from "./core-types.ts";
export * from "./effects.ts";
export * from "./entry.ts";
export * from "./event.ts";
export * from "./membership-codec.ts";
export * from "./membership.ts";
export * from "./message.ts";
export * from "./snapshot-meta.ts";
