import { endWhenOutputFails, endOutput, run } from "./cli/index.ts";

endWhenOutputFails();
process.exitCode = await run(process.argv.slice(2));
await endOutput();
// An agent that stopped has nothing left to do; what still waits somewhere must not keep the process alive.
process.exit();
