import { readFileSync } from "node:fs";
import { loadConfig } from "../config/index.ts";
import { CommandFailed, type Invocation } from "./command.ts";
import { print } from "./output.ts";

export async function validate(call: Invocation): Promise<number> {
  const [name = ""] = call.positions;
  const result = loadConfig({ flags: new Map(), environment: {}, file: { name, text: readFile(name) } });
  if (result.ok) {
    print(`${name} is valid`);
    return 0;
  }
  for (const { source, message } of result.error) process.stderr.write(`konsul: ${source}: ${message}\n`);
  return 1;
}

export function readFile(name: string): string {
  try {
    return readFileSync(name, "utf8");
  } catch (cause) {
    throw new CommandFailed(`Cannot read ${name}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}
