import { decodeCommand, encodeCommand, UndecodableCommand, type Command } from "./commands.ts";

/** For tests: why a command does not have exactly these bytes (hex, spaces do not count), or others are taken for it. */
export function goldenProblems(command: Command, golden: string): readonly string[] {
  const bytes = new Uint8Array(Buffer.from(golden.replaceAll(" ", ""), "hex"));
  const problems: string[] = [];
  const [given, wanted] = [encodeCommand(command), bytes].map((one) => Buffer.from(one).toString("hex"));
  if (given !== wanted) problems.push(`it is encoded as ${given}, not ${wanted}`);
  for (let size = 0; size < bytes.length; size += 1) {
    if (isTaken(bytes.slice(0, size))) problems.push(`its first ${size} bytes are taken`);
  }
  if (isTaken(new Uint8Array([...bytes, 0]))) problems.push("a byte behind it is taken");
  return problems;
}

function isTaken(bytes: Uint8Array): boolean {
  try {
    decodeCommand(bytes);
    return true;
  } catch (cause) {
    if (cause instanceof UndecodableCommand) return false;
    throw cause;
  }
}
