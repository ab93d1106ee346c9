import type { AppendInput, AppendOutput, RegisterInput, RegisterOutput } from "./models.ts";
import type { Operation } from "./operation.ts";

interface Pending<Input> {
  readonly client: string;
  readonly key: string;
  readonly call: number;
  readonly input: Input;
}

/** Parses a log of one compare-and-set register. The line number is the time. */
export function parseRegisterLog(text: string): Operation<RegisterInput, RegisterOutput>[] {
  const operations: Operation<RegisterInput, RegisterOutput>[] = [];
  const pending = new Map<string, Pending<RegisterInput>>();
  for (const [time, line] of text.split("\n").entries()) {
    const match = /^INFO\s+jepsen\.util - (\d+)\s+:(\w+)\s+:(\w+)\s+(.*)$/.exec(line.trimEnd());
    if (match === null) continue;
    const [, client = "", type = "", name = "", value = ""] = match;
    if (type === "invoke") {
      pending.set(client, { client, key: "", call: time, input: registerInput(name, value) });
      continue;
    }
    const begun = pending.get(client);
    if (begun === undefined) throw new Error(`Line ${time + 1} ends what was not begun`);
    const output = registerOutput(begun.input, type, value);
    // Unknown: it stays pending until the end of the log.
    if (output === undefined) continue;
    pending.delete(client);
    operations.push({ ...begun, return: time, output });
  }
  for (const begun of pending.values()) operations.push({ ...begun, return: Infinity, output: undefined });
  return operations;
}

function registerInput(name: string, value: string): RegisterInput {
  if (name === "read") return { kind: "read" };
  if (name === "write") return { kind: "write", value };
  const [, expected, next] = /^\[(\S+) (\S+)\]$/.exec(value) ?? [];
  if (name !== "cas" || expected === undefined || next === undefined)
    throw new Error(`Unknown operation ${name} ${value}`);
  return { kind: "cas", expected, value: next };
}

function registerOutput(input: RegisterInput, type: string, value: string): RegisterOutput | undefined {
  if (type === "ok") {
    return input.kind === "read" ? { kind: "read", value: value === "nil" ? undefined : value } : { kind: "done" };
  }
  // A read that failed tells nothing; a compare-and-set that failed found another value.
  return type === "fail" && input.kind === "cas" ? { kind: "refused" } : undefined;
}

/** Parses a log of a key-value store with append: one map a line. The line number is the time. */
export function parseAppendLog(text: string): Operation<AppendInput, AppendOutput>[] {
  const operations: Operation<AppendInput, AppendOutput>[] = [];
  const pending = new Map<string, Pending<AppendInput>>();
  for (const [time, line] of text.split("\n").entries()) {
    const match = /^\{:process (\d+), :type :(\w+), :f :(\w+), :key "(.*)", :value (?:nil|"(.*)")\}$/.exec(
      line.trimEnd(),
    );
    if (match === null) {
      if (line.trim() === "") continue;
      throw new Error(`Line ${time + 1} cannot be read: ${line}`);
    }
    const [, client = "", type = "", name = "", key = "", value = ""] = match;
    if (type === "invoke") {
      pending.set(client, { client, key, call: time, input: appendInput(name, value) });
      continue;
    }
    const begun = pending.get(client);
    if (begun === undefined) throw new Error(`Line ${time + 1} ends what was not begun`);
    pending.delete(client);
    operations.push({ ...begun, return: time, output: { value: begun.input.kind === "get" ? value : "" } });
  }
  for (const begun of pending.values()) operations.push({ ...begun, return: Infinity, output: undefined });
  return operations;
}

function appendInput(name: string, value: string): AppendInput {
  if (name === "get") return { kind: "get" };
  if (name === "put" || name === "append") return { kind: name, value };
  throw new Error(`Unknown operation ${name}`);
}
