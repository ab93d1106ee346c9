import { readFileSync } from "node:fs";
import { loadConfig } from "../config/index.ts";
import { type Invocation } from "./command.ts";
import { print, printJson } from "./output.ts";
import { unreadable } from "./unreadable.ts";

export async function validate(call: Invocation): Promise<number> {
  const [name = ""] = call.positions;
  const file = { name, text: readFile(name) };
  const result = loadConfig({ flags: new Map(), environment: {}, file, isFileAlone: true });
  if (call.flags.has("json")) {
    printJson({ valid: result.ok, mistakes: result.ok ? [] : result.error });
    return result.ok ? 0 : 1;
  }
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
    throw unreadable(name, cause);
  }
}
