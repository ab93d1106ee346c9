import { expectCluster } from "./expecting.ts";
import type { Formed, FormingOptions } from "./forming-options.ts";
import { decodeAdmissionAnswer, decodeStanding, encodeAdmission, type AdmissionAnswer } from "./wire.ts";

const ASK_MS_MAX = 3_000;
const BACKOFF_MS_MIN = 1_000;
const BACKOFF_MS_MAX = 30_000;
const SILENCE_NOTE_EVERY_MS = 10_000;
const INVITATION_POLL_MS = 500;
/** Attempts between two lines about the same. */
const NOTE_EVERY = 20;

/**
 * Decides once, at the start of a node whose folder is empty. A node that belonged to a cluster makes none. Silence is never taken for absence: a node told to
 * bootstrap with join addresses waits until every one of them has said that it belongs to no cluster.
 */
export function form(options: FormingOptions, done: (formed: Formed) => void): void {
  const others = options.joinAddresses().filter((address) => address !== options.self.address);
  const thenJoin = (formed: Formed | "join"): void => (formed === "join" ? join(options, 0, done) : done(formed));
  if (options.formerCluster !== "") join(options, 0, done);
  else if (options.isBootstrap && others.length === 0) done({ kind: "create" });
  else if (options.isBootstrap) askAll(options, new Survey(others), thenJoin);
  else if (options.expect > 0) expectCluster(options, thenJoin);
  else join(options, 0, done);
}

/** Which of the join addresses have answered, and how, in this process's life. */
class Survey {
  readonly silent: Set<string>;
  notedAt = -Infinity;

  constructor(addresses: readonly string[]) {
    this.silent = new Set(addresses);
  }
}

function askAll(options: FormingOptions, survey: Survey, done: (formed: Formed | "join") => void): void {
  const { calls, clock, note } = options;
  let open = survey.silent.size;
  let ended = false;
  const finish = (formed: Formed | "join"): void => {
    if (ended) return;
    ended = true;
    done(formed);
  };
  for (const address of survey.silent) {
    calls.ask(address, { method: "standing", body: new Uint8Array(0), timeoutMs: ASK_MS_MAX }, (outcome, peer) => {
      if (outcome.kind === "answer" && peer !== undefined) {
        const answer = attempt(() => decodeStanding(outcome.body));
        if (answer?.standing === "pristine" && (answer.isBootstrapping || answer.expect > 0)) {
          const names = `${options.self.id} (${options.self.address}) and ${answer.key} (${address})`;
          finish({
            kind: "stop",
            reason: `both ${names} were told to start a cluster: use bootstrap_expect on all, or bootstrap on one`,
          });
        } else if (answer?.standing === "pristine") survey.silent.delete(address);
        else if (answer !== undefined) finish("join");
      }
      open -= 1;
      if (open > 0 || ended) return;
      if (survey.silent.size === 0) return finish({ kind: "create" });
      if (clock.now() - survey.notedAt >= SILENCE_NOTE_EVERY_MS) {
        survey.notedAt = clock.now();
        note(
          `Waiting to start a cluster: ${[...survey.silent].join(", ")} did not answer yet. If one of them is gone for good, start this node without join addresses`,
        );
      }
      clock.at(clock.now() + BACKOFF_MS_MIN, () => askAll(options, survey, done));
    });
  }
}

// oxlint-disable-next-line max-params -- what the attempt before came to
function join(options: FormingOptions, attemptNumber: number, done: (formed: Formed) => void, before = ""): void {
  const { clock, random, note, self } = options;
  const addresses = options.joinAddresses().filter((address) => address !== self.address);
  if (addresses.length === 0) {
    if (attemptNumber % NOTE_EVERY === 0) {
      note(`Waiting for an invitation: on a member, run konsul cluster join --address ${self.address}`);
    }
    clock.at(clock.now() + INVITATION_POLL_MS, () => join(options, attemptNumber + 1, done));
    return;
  }
  const failures: string[] = [];
  tryAddresses(options, { left: [...addresses], asked: new Set(), failures, refusal: undefined }, (answer) => {
    if (answer.kind === "admitted") {
      return done({ kind: "joined", clusterId: answer.clusterId, epoch: answer.epoch });
    }
    const wait = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(attemptNumber, 5)) * (0.5 + random() / 2);
    const why =
      answer.kind === "refused" ? `${answer.code}: ${answer.reason}` : ["no leader answered", ...failures].join("; ");
    if (attemptNumber % 5 === 0 || why !== before) note(`Cannot join the cluster yet (${why}); trying again`);
    clock.at(clock.now() + wait, () => join(options, attemptNumber + 1, done, why));
  });
}

interface Asking {
  readonly left: string[];
  readonly asked: Set<string>;
  /** Why those that gave no answer gave none. */
  readonly failures: string[];
  /** Somebody said no; another one may know better. */
  refusal: AdmissionAnswer | undefined;
}

/** Asks one address after the other, following at most one hint to the leader from each. */
function tryAddresses(options: FormingOptions, asking: Asking, done: (answer: AdmissionAnswer) => void): void {
  const { left, asked, failures } = asking;
  const address = left.shift();
  if (address === undefined) return done(asking.refusal ?? { kind: "ask-leader", address: "" });
  if (asked.has(address)) return tryAddresses(options, asking, done);
  asked.add(address);
  const request = {
    method: "admit",
    body: encodeAdmission({ member: options.self, formerCluster: options.formerCluster }),
    timeoutMs: 2 * ASK_MS_MAX,
  };
  options.calls.ask(address, request, (outcome) => {
    if (outcome.kind !== "answer") failures.push(`${address}: ${outcome.reason}`);
    const answer = outcome.kind === "answer" ? attempt(() => decodeAdmissionAnswer(outcome.body)) : undefined;
    if (answer?.kind === "admitted") return done(answer);
    if (answer?.kind === "refused") asking.refusal = answer;
    if (answer?.kind === "ask-leader" && answer.address !== "") left.unshift(answer.address);
    tryAddresses(options, asking, done);
  });
}

function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch {
    // A peer of another version or none of ours: as good as no answer.
    return undefined;
  }
}
