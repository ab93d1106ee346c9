import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "bun:test";
import { createPrng } from "../../src/base/index.ts";
import { storePaths } from "../../src/storage/index.ts";
import { inspectLog } from "../../src/storage/log-inspection.ts";
import { bootstrapModel, differenceToHead, nextStep, type LogModel } from "./log-model.ts";

const IS_LONG = process.env["KONSUL_LONG"] === "1";
const SEQ_MAX = 150;
const TIMED_ROUNDS = IS_LONG ? 500 : 70;
const SYSCALL_POINTS = IS_LONG ? 400 : 35;

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "konsul-crash-"));
  folders.push(folder);
  return folder;
}

/** Runs the child until `kill` ends it; returns the number of the last acknowledged transaction. */
async function runUntilKilled(
  command: readonly string[],
  acked: number,
  onLine: (line: string, kill: () => void) => void,
): Promise<number> {
  const child = Bun.spawn([...command], { stdout: "pipe", stderr: "ignore" });
  let last = acked;
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const [kind, number] = line.split(" ");
      if (kind === "refused" || kind === "failed") throw new Error(line);
      if (kind === "ack") last = Number(number);
      onLine(line, () => child.kill("SIGKILL"));
    }
  }
  await child.exited;
  return last;
}

/** Models of one workload by transaction number, made as far as needed. */
class Models {
  readonly #seed: number;
  readonly #models: LogModel[] = [bootstrapModel()];

  constructor(seed: number) {
    this.#seed = seed;
  }

  at(seq: number): LogModel | undefined {
    for (let last = this.#models.at(-1); last !== undefined && last.seq < seq; last = this.#models.at(-1)) {
      this.#models.push(nextStep(last, this.#seed, last.seq).after);
    }
    return this.#models[seq - 1];
  }
}

/** The transaction that the folder stands at; it must be the last acknowledged one or the one in flight. */
function check(dataDir: string, models: Models, acked: number): number {
  const found = inspectLog({
    paths: storePaths({ dataDir }),
    snapshots: [],
    acceptLoss: false,
    tailBytesMax: Infinity,
  });
  if (found.kind === "pristine") {
    expect(acked).toBe(0);
    return 0;
  }
  if (found.kind !== "good") throw new Error(JSON.stringify(found));
  const { head, log } = found;
  expect(head.seq === acked || head.seq === acked + 1).toBe(true);
  const model = models.at(head.seq);
  if (head.seq > 0 && model !== undefined) expect(differenceToHead(model, head, log.entries)).toBeUndefined();
  return head.seq;
}

const CHILD = join(import.meta.dir, "crash-child.ts");

test("a killed process finds its last acknowledged transaction or the one in flight, at random moments", async () => {
  const seeds = [1, 2];
  let inFlight = 0;
  await Promise.all(
    seeds.map(async (seed) => {
      const prng = createPrng(seed);
      const models = new Models(seed);
      const dataDir = makeFolder();
      let acked = 0;
      for (let round = 0; round < TIMED_ROUNDS; round++) {
        const acksWanted = prng.between(1, 60);
        const spins = prng.between(0, 200_000);
        let acks = 0;
        const command = [process.execPath, CHILD, dataDir, String(seed)];
        const last = await runUntilKilled(command, acked, (line, kill) => {
          acks += Number(line.startsWith("ack"));
          if (acks < acksWanted) return;
          for (let spin = spins; spin > 0; spin--) Math.sqrt(spin);
          kill();
        });
        acked = check(dataDir, models, last);
        inFlight += Number(acked > last);
      }
    }),
  );
  process.stdout.write(
    `crashes: ${seeds.length * TIMED_ROUNDS} at random moments, ${inFlight} kept the one in flight\n`,
  );
}, 300_000);

test.skipIf(Bun.which("strace") === null)(
  "a process killed at its n-th write, sync or rename finds the same, from the first step of creation on",
  async () => {
    const syscalls = ["pwrite64", "fsync"];
    let points = 0;
    let reached = 0;
    await Promise.all(
      syscalls.map(async (syscall, which) => {
        for (let point = 0; point < SYSCALL_POINTS; point++) {
          const models = new Models(7);
          const dataDir = makeFolder();
          const when = point < 25 ? point + 1 : createPrng(point * 2 + which).between(20, 400);
          const inject = `inject=${syscall}:signal=KILL:when=${when}`;
          const strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${syscall}`, "-e", inject];
          let isEarly = true;
          // A point beyond what a run reaches must not run for ever.
          const command = [...strace, process.execPath, CHILD, dataDir, "7", "FULL", String(SEQ_MAX)];
          const last = await runUntilKilled(command, 0, (line) => {
            if (line === `ack ${SEQ_MAX}`) isEarly = false;
          });
          check(dataDir, models, last);
          rmSync(dataDir, { recursive: true, force: true });
          points += 1;
          reached += Number(isEarly);
        }
      }),
    );
    process.stdout.write(`crashes: ${points} at a chosen system call, ${reached} of them reached\n`);
    expect(reached).toBeGreaterThan(points / 2);
  },
  300_000,
);
