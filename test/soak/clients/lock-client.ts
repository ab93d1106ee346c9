import { send, write, type ClientOptions } from "../request.ts";
import type { LockJudge } from "./lock-judge.ts";

const TTL_MS = 4000;
const RENEW_MS = 700;
const JSON_TYPE = { "Content-Type": "application/json" };

/** Takes the lock again and again, holds it for a while, renews, and lets go of it, or just forgets it. */
export async function contend(options: ClientOptions, judge: LockJudge, who: string): Promise<void> {
  const { prng, isOver } = options;
  while (!isOver()) {
    const created = performance.now();
    const body = JSON.stringify({ name: who, ttl: `${TTL_MS}ms`, lock_delay: "500ms" });
    const { status, fields } = await write(options, "session", "POST /sessions", { body, headers: JSON_TYPE });
    const { id } = fields;
    if (status !== 200 || id === undefined) {
      await Bun.sleep(200);
      continue;
    }
    await useSession(options, judge, { who, id, until: created + TTL_MS });
    if (prng.chance(0.7)) await write(options, "session end", `DELETE /sessions/${id}`);
  }
}

async function useSession(
  options: ClientOptions,
  judge: LockJudge,
  session: { readonly who: string; readonly id: string; until: number },
): Promise<void> {
  const { prng, tally, isOver } = options;
  const { who, id } = session;
  const patience = performance.now() + prng.between(3000, 10_000);
  while (!isOver() && performance.now() < patience) {
    const call = performance.now();
    const { status, fields } = await write(options, "acquire", `PUT /kv/soak-lock?acquire=${id}`, { body: who });
    const now = performance.now();
    if (status === 404) return;
    if (status === 200) {
      // A session that has ended meanwhile is nobody's to judge by: only what was renewed in time counts.
      const wrong = judge.given(who, { token: fields.lock_index ?? 0, call, now, until: session.until });
      if (wrong !== undefined) tally.violation(`lock: ${wrong}`);
      tally.note("locks taken");
      await hold(options, judge, session);
      return;
    }
    // An attempt whose outcome is unknown may have got it: it asks again and is told.
    await Bun.sleep(prng.between(50, 300));
    await renew(options, session);
  }
  judge.releasing(who);
}

async function hold(
  options: ClientOptions,
  judge: LockJudge,
  session: { readonly who: string; readonly id: string; until: number },
): Promise<void> {
  const end = performance.now() + options.prng.between(500, 6000);
  while (performance.now() < end && !options.isOver()) {
    await Bun.sleep(RENEW_MS);
    const isThere = await renew(options, session);
    if (!isThere) return options.tally.note("sessions that ended under their holder");
    judge.renewed(session.who, session.until);
  }
  judge.releasing(session.who);
  await write(options, "release", `PUT /kv/soak-lock?release=${session.id}`, { body: "" });
}

/** False: the session has ended, which it may only do when it was not renewed in time. */
async function renew(options: ClientOptions, session: { readonly id: string; until: number }): Promise<boolean> {
  const sent = performance.now();
  const { status } = await send(options.prng.pick(options.urls), `PUT /sessions/${session.id}/renew`);
  options.tally.count("renew", status === 200 ? "done" : "not-done");
  if (status === 200) session.until = sent + TTL_MS;
  if (status === 404 && performance.now() < session.until) {
    options.tally.violation(`session ${session.id} ended ${Math.round(session.until - performance.now())} ms early`);
  }
  return status !== 404;
}
