let isRunning = false;

/**
 * Where this process spends its processor time, as the `.cpuprofile` that browsers' tools open. Undefined: another one
 * is being taken, and there is only one profiler in a process.
 */
export async function profileProcessor(durationMs: number): Promise<unknown> {
  if (isRunning) return undefined;
  isRunning = true;
  const { Session } = await import("node:inspector");
  const session = new Session();
  session.connect();
  const post = async (method: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      session.post(method, (failure: unknown, result: unknown) => {
        if (failure === null || failure === undefined) resolve(result);
        else reject(new Error(`The profiler refused ${method}`, { cause: failure }));
      });
    });
  try {
    await post("Profiler.enable");
    await post("Profiler.start");
    await new Promise((resolve) => void setTimeout(resolve, durationMs));
    const stopped = await post("Profiler.stop");
    return typeof stopped === "object" && stopped !== null && "profile" in stopped ? stopped.profile : undefined;
  } finally {
    session.disconnect();
    isRunning = false;
  }
}
