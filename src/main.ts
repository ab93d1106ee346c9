import { run } from "./cli/index.ts";

process.exitCode = await run(process.argv.slice(2));
// An agent that stopped has nothing left to do; what still waits somewhere must not keep the process alive.
process.exit();
