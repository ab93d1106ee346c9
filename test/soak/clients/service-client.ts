import { read, write, type ClientOptions } from "../request.ts";

const TTL_MS = 5000;
const NAME = "soak-web";

/** Until when each instance must be passing, at least: since when its last heartbeat was answered, and its TTL. */
export type Promises = Map<string, { since: number; until: number }>;

/** Registers an instance and keeps it alive; leaves it now and then. */
export async function keepInstance(options: ClientOptions, promises: Promises, id: string): Promise<void> {
  const { prng, tally, isOver } = options;
  const body = JSON.stringify({ name: NAME, id, address: "10.0.0.1", port: 80, ttl: "5s", deregister_after: "10s" });
  let isRegistered = false;
  while (!isOver()) {
    const sent = performance.now();
    const answer = isRegistered
      ? await write(options, "heartbeat", `PUT /heartbeat/${NAME}?id=${id}`)
      : await write(options, "register", "PUT /register", { body });
    const now = performance.now();
    if (answer.status === 200) {
      isRegistered = true;
      promises.set(id, { since: now, until: sent + TTL_MS });
    } else if (answer.status === 404) {
      const promised = promises.get(id);
      if (promised !== undefined && sent > promised.since && now < promised.until) {
        tally.violation(`instance ${id} was gone ${Math.round(promised.until - now)} ms before its TTL`);
      }
      isRegistered = false;
    }
    if (prng.chance(0.02)) {
      promises.delete(id);
      isRegistered = false;
      const isDeregistered = prng.chance(0.5);
      if (isDeregistered) await write(options, "deregister", `DELETE /deregister/${NAME}?id=${id}`);
      // Else it is left to its TTL.
      await Bun.sleep(prng.between(1000, 15_000));
    }
    await Bun.sleep(prng.between(500, 1200));
  }
}

/** Looks at the instances as nobody could know better. */
export async function judgeInstances(options: ClientOptions, promises: Promises): Promise<void> {
  const { prng, tally, isOver } = options;
  while (!isOver()) {
    await Bun.sleep(prng.between(100, 400));
    const before = structuredClone(promises);
    const call = performance.now();
    const { status, fields } = await read(options, "services", `GET /services/${NAME}?consistent`);
    const now = performance.now();
    if (status !== 200 && status !== 404) continue;
    for (const [id, { since, until }] of before) {
      if (since > call || now > until || !promises.has(id)) continue;
      const found = fields.instances?.find((one) => one.id === id)?.status ?? "absent";
      if (found !== "passing")
        tally.violation(`instance ${id} is ${found} ${Math.round(until - now)} ms before its TTL`);
    }
  }
}

/** How many instances are left; nobody sends heartbeats any more. */
export async function instancesLeft(options: ClientOptions): Promise<number> {
  const { status, fields } = await read(options, "services", `GET /services/${NAME}?consistent`);
  if (status === 404) return 0;
  return status === 200 ? (fields.instances?.length ?? 0) : Infinity;
}
