export { runAgent, type AgentOptions } from "./run-agent.ts";
export { inspectFolder, recoverFolder, type FolderFindings, type Recovery } from "./recovery.ts";
