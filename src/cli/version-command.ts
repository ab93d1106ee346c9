import { COMMIT, VERSION } from "../base/index.ts";
import type { Invocation } from "./command.ts";
import { print, printJson } from "./output.ts";

/** Versions of the peer protocol and of the commands in the log that this release speaks. */
const PROTOCOLS = { peer: { min: 1, max: 1 }, command: { min: 1, max: 1 } };

export async function version(call: Invocation): Promise<number> {
  if (call.flags.has("json")) printJson({ version: VERSION, commit: COMMIT, protocols: PROTOCOLS, bun: Bun.version });
  else print(`konsul ${VERSION} (commit ${COMMIT}), peer protocol 1 to 1, command version 1 to 1`);
  return 0;
}
