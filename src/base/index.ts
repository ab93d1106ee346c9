export * from "./assert.ts";
export * from "./bytes.ts";
export * from "./clock.ts";
export * from "./crc.ts";
export * from "./ids.ts";
export * from "./prng.ts";
export * from "./result.ts";
export * from "./table.ts";
