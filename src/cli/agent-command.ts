import { err, ok, type Result } from "../base/index.ts";
import { loadConfig, type Config, type Sources } from "../config/index.ts";
import { CommandFailed, type Invocation } from "./command.ts";
import { readFile } from "./config-command.ts";

export async function agent(call: Invocation): Promise<number> {
  const flags = new Map(call.flags);
  flags.delete("dev");
  flags.delete("config");
  const fileName = call.flags.get("config")?.[0];
  const load = (): ReturnType<typeof loadConfig> => {
    const sources: Sources = {
      flags,
      environment: process.env,
      ...(fileName === undefined ? {} : { file: { name: fileName, text: readFile(fileName) } }),
    };
    return loadConfig(sources);
  };
  const config = load();
  if (!config.ok) {
    for (const { source, message } of config.error) process.stderr.write(`konsul: ${source}: ${message}\n`);
    return 2;
  }
  const { runAgent } = await import("../agent/index.ts");
  const readLogLevel = (): Result<Config["logLevel"], string> => {
    try {
      const again = load();
      if (again.ok) return ok(again.value.logLevel);
      return err(again.error.map(({ source, message }) => `${source}: ${message}`).join("; "));
    } catch (cause) {
      if (cause instanceof CommandFailed) return err(cause.message);
      throw cause;
    }
  };
  return runAgent(config.value, { isDev: call.flags.has("dev"), readLogLevel });
}
