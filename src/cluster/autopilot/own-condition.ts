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
  readonly #writes: Sample[] = [];
  readonly #delays: Sample[] = [];

  onWrite(at: number, ms: number): void {
    keep(this.#writes, { at, ms });
  }

  /** A task ran so much later than it was due. */
  onDelay(at: number, ms: number): void {
    keep(this.#delays, { at, ms });
  }

  /** Undefined: it can. */
  trouble(now: number): string | undefined {
    const disk = median(this.#writes, now);
    if (disk > DISK_MS_MAX) return `its disk takes ${Math.round(disk)} ms for a write`;
    const loop = median(this.#delays, now);
    return loop > LOOP_MS_MAX ? `its event loop is ${Math.round(loop)} ms late` : undefined;
  }
}

/** With every write of the disk: what is too old is left to the median, which is asked seldom. */
function keep(samples: Sample[], sample: Sample): void {
  if (samples.length === SAMPLES_MAX) samples.splice(0, SAMPLES_MAX / 2);
  samples.push(sample);
}

/** 0: too little is known. */
function median(samples: readonly Sample[], now: number): number {
  const recent = samples.filter(({ at }) => at > now - WINDOW_MS).map(({ ms }) => ms);
  // What takes seconds each time leaves few samples.
  const isBusy = recent.length > 1 && recent.reduce((sum, ms) => sum + ms, 0) >= WINDOW_MS / 2;
  if (recent.length < SAMPLES_MIN && !isBusy) return 0;
  return recent.toSorted((a, b) => a - b)[Math.floor(recent.length / 2)] ?? 0;
}
