/** What is looked at lies at most this far back. */
const WINDOW_MS = 10_000;
const SAMPLES_MIN = 6;
const SAMPLES_MAX = 1_000;
/** A median above it is no hiccup: half of what followers wait for at the usual settings. */
const DISK_MS_MAX = 500;
const LOOP_MS_MAX = 400;

interface Sample {
  readonly at: number;
  readonly ms: number;
}

/** Whether this process can do a leader's work: how long its disk takes, and how late its event loop is. */
export class OwnCondition {
  #writes: Sample[] = [];
  #delays: Sample[] = [];

  onWrite(at: number, ms: number): void {
    this.#writes = keep(this.#writes, { at, ms });
  }

  /** A task ran so much later than it was due. */
  onDelay(at: number, ms: number): void {
    this.#delays = keep(this.#delays, { at, ms });
  }

  /** Undefined: it can. */
  trouble(now: number): string | undefined {
    const disk = median(this.#writes, now);
    if (disk > DISK_MS_MAX) return `its disk takes ${Math.round(disk)} ms for a write`;
    const loop = median(this.#delays, now);
    return loop > LOOP_MS_MAX ? `its event loop is ${Math.round(loop)} ms late` : undefined;
  }
}

function keep(samples: readonly Sample[], sample: Sample): Sample[] {
  const recent = samples.length < SAMPLES_MAX ? samples : samples.slice(SAMPLES_MAX / 2);
  return [...recent.filter(({ at }) => at > sample.at - WINDOW_MS), sample];
}

/** 0: too little is known. */
function median(samples: readonly Sample[], now: number): number {
  const recent = samples.filter(({ at }) => at > now - WINDOW_MS).map(({ ms }) => ms);
  if (recent.length < SAMPLES_MIN) return 0;
  return recent.toSorted((a, b) => a - b)[Math.floor(recent.length / 2)] ?? 0;
}
