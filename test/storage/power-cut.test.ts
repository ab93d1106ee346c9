import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { createPrng } from "../../src/base/index.ts";
import { storePaths } from "../../src/storage/index.ts";
import { inspectLog } from "../../src/storage/log-inspection.ts";
import { Island } from "./island.ts";
import { bootstrapModel, differenceToHead, nextStep } from "./log-model.ts";

const CUTS = process.env["KONSUL_LONG"] === "1" ? 300 : 24;
const CONTROL_CUTS = 6;
/** Lets a child write until `acks` were acknowledged, then takes the power away; the last acknowledged number. */
async function writeAndCut(island: Island, synchronous: "FULL" | "NORMAL", acks: number): Promise<number> {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "crash-child.ts"), join(island.mount, "data"), "11", synchronous],
    { stdout: "pipe", stderr: "ignore" },
  );
  let last = 0;
  let seen = 0;
  let rest = "";
  let isCut = false;
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    rest += decoder.decode(bytes, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("refused")) throw new Error(line);
      // What was acknowledged in the very moment of the cut counts, too.
      if (line.startsWith("ack ")) last = Number(line.slice(4));
      seen += 1;
    }
    if (seen < acks || isCut) continue;
    isCut = true;
    island.cut();
    child.kill("SIGKILL");
  }
  await child.exited;
  return last;
}

/** The transaction that the folder stands at after power is back; -1: it is refused. */
function recover(island: Island): number {
  expect(island.unmount()).toBe(true);
  expect(island.mountAgain()).toBe(true);
  const paths = storePaths({ dataDir: join(island.mount, "data") });
  const found = inspectLog({ paths, snapshots: [], acceptLoss: false, tailBytesMax: Infinity });
  if (found.kind === "pristine") return 0;
  if (found.kind !== "good") return -1;
  let model = bootstrapModel();
  while (model.seq < found.head.seq) model = nextStep(model, 11, model.seq).after;
  if (found.head.seq > 0) expect(differenceToHead(model, found.head, found.log.entries)).toBeUndefined();
  return found.head.seq;
}

const isPossible = Island.isPossible();
if (!isPossible) process.stdout.write("power cuts: SKIPPED, they need root, loop devices and ext4\n");

test.skipIf(!isPossible)(
  "a power cut takes nothing acknowledged, and with synchronous=NORMAL it would",
  async () => {
    const island = new Island();
    try {
      expect(island.create()).toBe(true);
      const prng = createPrng(40);
      let lost = 0;
      let refused = 0;
      for (let cut = 0; cut < CUTS; cut++) {
        const acked = await writeAndCut(island, "FULL", prng.between(1, 120));
        const found = recover(island);
        refused += Number(found < 0);
        lost += Number(found >= 0 && found < acked);
      }
      let controlLost = 0;
      for (let cut = 0; cut < CONTROL_CUTS; cut++) {
        rmSync(join(island.mount, "data"), { recursive: true, force: true });
        const acked = await writeAndCut(island, "NORMAL", 60);
        controlLost += Number(recover(island) < acked);
      }
      process.stdout.write(
        `power cuts: ${CUTS}, ${lost} lost something, ${refused} refused; control: ${controlLost} of ${CONTROL_CUTS} lost\n`,
      );
      expect([lost, refused]).toEqual([0, 0]);
      expect(controlLost).toBeGreaterThan(0);
    } finally {
      island.destroy();
    }
  },
  300_000,
);
