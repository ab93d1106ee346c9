export { dumpLog, type LogDump } from "./log-dump.ts";
export { runAgent, type AgentOptions } from "./run-agent.ts";
export { unfinished } from "./unfinished.ts";
export { inspectFolder, recoverFolder, type FolderFindings, type Recovery } from "./recovery.ts";
