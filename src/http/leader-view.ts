import { EMPTY_BYTES } from "../base/index.ts";
import type { ForwardedRequest } from "../cluster/index.ts";
import { isRecord } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import { FORWARDED_HEADERS } from "./forward.ts";
import type { RequestUrl } from "./request-url.ts";

/** Whoever looks at a cluster in trouble gets an answer soon, from whoever he asked. */
const PATIENCE_MS = 500;

export interface LeaderQuestion {
  readonly request: Request;
  readonly url: RequestUrl;
}

/**
 * What the leader answers to the same question, as only it hears all the others. Undefined: this node leads itself, none is
 * known, or it does not answer in time; then this node says what it knows, and that it is partial.
 */
export async function leaderView(
  deps: HttpDeps,
  { request, url }: LeaderQuestion,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  if (deps.askLeader === undefined || deps.replica.status().core.role === "leader") return undefined;
  const headers: [string, string][] = FORWARDED_HEADERS.flatMap((name) => {
    const value = request.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const question: ForwardedRequest = { method: "GET", path: url.pathname, headers, body: EMPTY_BYTES };
  const { clock } = deps;
  const late = Promise.withResolvers<undefined>();
  const timer = clock.at(clock.now() + PATIENCE_MS, () => late.resolve(undefined));
  const outcome = await Promise.race([deps.askLeader(question), late.promise]);
  timer.cancel();
  if (outcome?.kind !== "answer" || outcome.answer.status !== 200) return undefined;
  const seen = parse(outcome.answer.body);
  // It leads no more.
  return seen?.["partial"] === true ? undefined : seen;
}

function parse(body: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const found: unknown = JSON.parse(new TextDecoder().decode(body));
    return isRecord(found) ? found : undefined;
  } catch {
    return undefined;
  }
}
