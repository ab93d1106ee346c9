import { encodeFormationRequest, type Formation } from "./formation.ts";
import type { Formed, FormingOptions } from "./forming-options.ts";
import { decodeStanding, type StandingAnswer } from "./wire.ts";

const ASK_MS_MAX = 3_000;
const ROUND_MS = 1_000;
const SILENCE_NOTE_EVERY_MS = 10_000;

interface Pristine {
  readonly address: string;
  readonly answer: StandingAnswer;
}

interface Survey {
  readonly pristine: readonly Pristine[];
  readonly silent: readonly string[];
  /** Of nodes that lost the data of a cluster: where there was one, no other is started beside it. */
  readonly former: readonly string[];
  /** Of the first member that answered. */
  readonly cluster: string | undefined;
}

/**
 * `bootstrap_expect`: the node with the smallest key proposes, and makes the cluster only when `expect` nodes have
 * promised durably to be part of no other. Any two sets of so many share a node, so there is never a second cluster.
 */
export function expectCluster(options: FormingOptions, done: (formed: Formed | "join") => void): void {
  let notedAt = -Infinity;
  const again = (): void => void options.clock.at(options.clock.now() + ROUND_MS * (1 + options.random()), round);
  const round = (): void => {
    const before = options.formations.read();
    survey(options, (seen) => {
      if (seen.cluster !== undefined) {
        // From now on this node is as good as promised: it must not help to start another one while it joins.
        options.formations.write({ id: seen.cluster, isOwn: false });
        return done("join");
      }
      const rival = seen.pristine.find(({ answer }) => answer.isBootstrapping);
      if (rival !== undefined) return done({ kind: "stop", reason: bothToldTo(options, rival) });
      if (isForsaken(before, options.formations.read(), seen)) options.formations.write(undefined);
      const others = proposedTo(options, seen);
      if (others !== undefined)
        return propose(options, others, (isMade) => (isMade ? done({ kind: "create" }) : again()));
      if (options.clock.now() - notedAt >= SILENCE_NOTE_EVERY_MS) {
        notedAt = options.clock.now();
        options.note(waitingFor(options, seen));
      }
      again();
    });
  };
  round();
}

function bothToldTo({ self }: FormingOptions, { answer, address }: Pristine): string {
  return (
    `${answer.key} (${address}) was told to bootstrap, and this node ${self.id} to expect others: use bootstrap_expect ` +
    "on all, or bootstrap on one and join addresses on the others"
  );
}

function waitingFor({ expect }: FormingOptions, { pristine, silent, former }: Survey): string {
  if (former.length > 0) {
    return `Waiting: ${former.join(", ")} lost the data of a cluster that may live on or be recovered, so no new one is started`;
  }
  const missing = silent.length === 0 ? "" : `; silent: ${silent.join(", ")}`;
  const others = pristine.filter(({ answer }) => answer.expect !== expect).map(({ address }) => address);
  const different = others.length === 0 ? "" : `; with another bootstrap_expect: ${others.join(", ")}`;
  return `Waiting for ${expect} empty nodes to start a cluster: ${pristine.length + 1} are here${missing}${different}`;
}

/** Every address has answered, and nobody stands behind the formation that this node had accepted before it asked. */
function isForsaken(
  before: Formation | undefined,
  now: Formation | undefined,
  { pristine, silent, former }: Survey,
): boolean {
  if (now === undefined || now.isOwn || before?.id !== now.id || silent.length + former.length > 0) return false;
  return !pristine.some(({ answer }) => answer.isProposer && answer.formation === now.id);
}

/** Whom this node asks, if it is the one to propose. */
function proposedTo(options: FormingOptions, { pristine, former }: Survey): readonly Pristine[] | undefined {
  const { self, expect, formations } = options;
  if (former.length > 0) return undefined;
  const key = `${self.id}~${self.incarnation}`;
  const fitting = pristine.filter(({ answer }) => answer.expect === expect);
  if (fitting.length + 1 < expect) return undefined;
  const known = formations.read();
  const isFirst = fitting.every(({ answer }) => key < answer.key);
  if (known === undefined ? !isFirst : !known.isOwn) return undefined;
  return fitting.toSorted((a, b) => (a.answer.key < b.answer.key ? -1 : 1)).slice(0, expect - 1);
}

function propose(options: FormingOptions, others: readonly Pristine[], done: (isMade: boolean) => void): void {
  const { calls, formations, expect, random } = options;
  const id =
    formations.read()?.id ??
    Math.floor(random() * 2 ** 52)
      .toString(16)
      .padStart(13, "0") + options.self.incarnation;
  formations.write({ id, isOwn: true });
  if (others.length === 0) return done(true);
  const body = encodeFormationRequest({ id, expect });
  let [open, accepted] = [others.length, 0];
  for (const { address } of others) {
    calls.ask(address, { method: "form", body, timeoutMs: ASK_MS_MAX }, (outcome) => {
      if (outcome.kind === "answer" && outcome.body[0] === 1) accepted += 1;
      open -= 1;
      if (open > 0) return;
      if (accepted === others.length) return done(true);
      formations.write(undefined);
      for (const other of others) {
        calls.ask(other.address, { method: "form-abort", body, timeoutMs: ASK_MS_MAX }, () => undefined);
      }
      done(false);
    });
  }
}

function survey({ calls, self, joinAddresses }: FormingOptions, done: (seen: Survey) => void): void {
  const pristine = new Map<string, Pristine>();
  const [silent, former]: [string[], string[]] = [[], []];
  let cluster: string | undefined;
  const addresses = joinAddresses().filter((address) => address !== self.address);
  let open = addresses.length;
  const finish = (): void => done({ pristine: [...pristine.values()], silent, former, cluster });
  if (open === 0) return finish();
  for (const address of addresses) {
    calls.ask(address, { method: "standing", body: new Uint8Array(0), timeoutMs: ASK_MS_MAX }, (outcome) => {
      const answer = outcome.kind === "answer" ? tryDecode(outcome.body) : undefined;
      if (answer === undefined) silent.push(address);
      else if (answer.standing === "member") cluster ??= answer.clusterId;
      else if (answer.standing === "former") former.push(address);
      else if (answer.key !== `${self.id}~${self.incarnation}`) pristine.set(answer.key, { address, answer });
      open -= 1;
      if (open === 0) finish();
    });
  }
}

function tryDecode(body: Uint8Array): StandingAnswer | undefined {
  try {
    return decodeStanding(body);
  } catch {
    return undefined;
  }
}
