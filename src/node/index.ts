export * from "./node-types.ts";
export * from "./ports.ts";
