import type { AgentProcess } from "../agent-process.ts";

export function canTrace(): boolean {
  return Bun.which("strace") !== null && process.getuid?.() === 0;
}

/** Lets the kernel answer a node's fsync calls in another way, as strace's `inject` says, until the result is called. */
export async function injectIntoSyncs(node: AgentProcess, how: string): Promise<() => Promise<void>> {
  const calls = "fsync,fdatasync";
  const child = Bun.spawn(
    [
      "strace",
      "-f",
      "-e",
      `trace=${calls}`,
      "-e",
      `inject=${calls}:${how}`,
      "-o",
      "/dev/null",
      "-p",
      `${node.child.pid}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const reader = child.stderr.getReader();
  const decoder = new TextDecoder();
  let said = "";
  while (!said.includes("attached")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`strace ended: ${said}`);
    said += decoder.decode(value, { stream: true });
  }
  return async () => {
    child.kill("SIGINT");
    await child.exited;
  };
}
