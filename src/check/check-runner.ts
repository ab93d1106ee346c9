import type { Clock } from "../base/index.ts";
import {
  parseServiceKey,
  UNCHECKED,
  type ActiveCheck,
  type Change,
  type Command,
  type KonsulFsm,
  type ServiceRow,
} from "../fsm/index.ts";
import type { WriteOutcome } from "../replica/index.ts";
import type { Probe, ProbeResult } from "./probe.ts";

export interface CheckRunnerOptions {
  readonly fsm: Pick<KonsulFsm, "services" | "changes">;
  readonly clock: Clock;
  readonly isLeading: () => boolean;
  readonly write: (command: Command) => Promise<WriteOutcome>;
  readonly probe: Probe;
  readonly random: () => number;
  readonly onRun?: (status: ProbeResult["status"]) => void;
}

type CheckUpdate = Extract<Command, { kind: "service-checked" }>["updates"][number];

/** One check of one instance, while this node leads. */
interface Running {
  readonly name: string;
  readonly id: string;
  readonly check: ActiveCheck;
  readonly since: number;
  /** When it runs next, in ms of the node's clock; undefined: it runs now. */
  dueAt: number | undefined;
  /** Equal verdicts in a row. */
  isGood: boolean;
  streak: number;
}

const SWEEP_MS = 100;
const AT_ONCE_MAX = 64;
const UPDATES_MAX = 1000;

/**
 * Runs the active checks of all instances while this node leads, so that each is run by one node, and by the next
 * leader when that one dies. Only a status that changes is written to the log.
 */
export class CheckRunner {
  readonly #options: CheckRunnerOptions;
  readonly #checks = new Map<string, Map<string, Running>>();
  readonly #stopListening: () => void;
  #changed: CheckUpdate[] = [];
  #runningCount = 0;
  #isLeading = false;
  #isWriting = false;
  #isStopped = false;

  constructor(options: CheckRunnerOptions) {
    this.#options = options;
    this.#stopListening = options.fsm.changes.onChange((change) => this.#onChange(change));
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#stopListening();
    this.#checks.clear();
  }

  /** Starts what is due; public for tests, which own the clock. */
  sweep(): void {
    const isLeading = this.#options.isLeading();
    if (isLeading !== this.#isLeading) {
      this.#isLeading = isLeading;
      this.#changed = [];
      if (isLeading) this.#takeOver();
      else this.#checks.clear();
    }
    if (!isLeading) return;
    const now = this.#options.clock.now();
    for (const running of this.#due(now).slice(0, AT_ONCE_MAX - this.#runningCount)) void this.#run(running);
    if (this.#changed.length > 0 && !this.#isWriting) void this.#flush();
  }

  /** Those that have waited longest come first: with more checks than can run, each gets its turn. */
  #due(now: number): readonly Running[] {
    const due: { readonly running: Running; readonly at: number }[] = [];
    for (const checks of this.#checks.values()) {
      for (const running of checks.values()) {
        const at = running.dueAt;
        if (at !== undefined && at <= now) due.push({ running, at });
      }
    }
    return due.toSorted((a, b) => a.at - b.at).map(({ running }) => running);
  }

  #takeOver(): void {
    this.#checks.clear();
    for (const { name, id, row } of this.#options.fsm.services.list()) this.#learn(name, id, row);
  }

  #onChange(change: Change): void {
    if (!this.#isLeading) return;
    if (change.kind === "reset") return this.#takeOver();
    if (change.table !== "services") return;
    const { name, id } = parseServiceKey(change.key);
    if (change.kind === "delete") this.#checks.delete(`${name}\0${id}`);
    else this.#learn(name, id, change.row);
  }

  /** A check that is known and stays as it is goes on; a new one runs soon, and not all at the same moment. */
  #learn(name: string, id: string, row: ServiceRow): void {
    const key = `${name}\0${id}`;
    const known = this.#checks.get(key);
    if (row.checks.length === 0) {
      this.#checks.delete(key);
      return;
    }
    const next = new Map<string, Running>();
    for (const [at, check] of row.checks.entries()) {
      const state = row.checkStates[at];
      if (state === undefined) continue;
      const same = known?.get(check.name);
      const isNew = same?.since !== state.since;
      const spreadMs = state.status === "critical" ? Math.min(check.intervalMs, 1000) : check.intervalMs;
      const dueAt = this.#options.clock.now() + this.#options.random() * spreadMs;
      const fresh = { name, id, check, since: state.since, dueAt, isGood: state.status !== "critical", streak: 0 };
      next.set(check.name, isNew || same === undefined ? fresh : same);
    }
    this.#checks.set(key, next);
  }

  async #run(running: Running): Promise<void> {
    const { clock, probe, onRun } = this.#options;
    const startedAt = clock.now();
    running.dueAt = undefined;
    this.#runningCount += 1;
    const result = await probe(running.check);
    this.#runningCount -= 1;
    running.dueAt = startedAt + running.check.intervalMs;
    onRun?.(result.status);
    const isCurrent = this.#checks.get(`${running.name}\0${running.id}`)?.get(running.check.name) === running;
    if (isCurrent && this.#isLeading && !this.#isStopped) this.#judge(running, result);
  }

  #judge(running: Running, { status, output }: ProbeResult): void {
    const { name, id, check, since } = running;
    const isGood = status !== "critical";
    running.streak = running.isGood === isGood ? running.streak + 1 : 1;
    running.isGood = isGood;
    if (running.streak < (isGood ? check.successThreshold : check.failureThreshold)) return;
    const row = this.#options.fsm.services.get(name, id);
    const at = row?.checks.findIndex((one) => one.name === check.name) ?? -1;
    const state = row?.checkStates[at];
    if (state === undefined || state.since !== since) return;
    const isFirst = state.output === UNCHECKED;
    if (state.status !== status || isFirst) this.#changed.push({ name, id, check: check.name, since, status, output });
  }

  /** What is not written now is found again when the check runs next, as the status still differs then. */
  async #flush(): Promise<void> {
    this.#isWriting = true;
    const updates = this.#changed.slice(0, UPDATES_MAX);
    this.#changed = this.#changed.slice(UPDATES_MAX);
    try {
      await this.#options.write({ kind: "service-checked", updates });
    } finally {
      this.#isWriting = false;
    }
  }

  #schedule(): void {
    const { clock } = this.#options;
    clock.at(clock.now() + SWEEP_MS, () => {
      if (this.#isStopped) return;
      this.sweep();
      this.#schedule();
    });
  }
}
