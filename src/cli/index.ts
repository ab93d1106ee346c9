export { run } from "./run.ts";
export { endWhenOutputFails, endOutput } from "./standard-output.ts";
