export { runAgent, type AgentOptions } from "./run-agent.ts";
