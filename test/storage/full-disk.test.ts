import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "bun:test";
import type { Result } from "../../src/base/index.ts";
import type { LogStore, PersistReceipt, StorageFailure } from "../../src/node/index.ts";
import type { Persist } from "../../src/raft/index.ts";
import { openLogStore } from "../../src/storage/index.ts";
import { BOOT, bootstrapModel, difference, IDENTITY, nextStep, type LogModel } from "./log-model.ts";

function mountSmall(): { readonly path: string; readonly unmount: () => void } | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const path = mkdtempSync(join(tmpdir(), "konsul-full-"));
  const mount = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path], { stderr: "ignore" });
  if (mount.exitCode !== 0) {
    rmSync(path, { recursive: true });
    return undefined;
  }
  return {
    path,
    unmount: () => {
      Bun.spawnSync(["umount", "-l", path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

async function open(dataDir: string): Promise<LogStore> {
  const opened = await openLogStore({ dataDir, boot: BOOT });
  if (opened.kind !== "opened") throw new Error(opened.message);
  return opened.store;
}

async function persist(
  store: LogStore,
  operations: readonly Persist[],
): Promise<Result<PersistReceipt, StorageFailure>> {
  return new Promise((resolve) => store.persist(operations, 0, resolve));
}

async function close(store: LogStore): Promise<void> {
  return new Promise((resolve) => store.close(resolve));
}

/** Persists steps until one fails; the model of all that succeeded, and the failure. */
async function fillUp(
  store: LogStore,
  from: LogModel,
): Promise<{
  readonly model: LogModel;
  readonly failed: ReturnType<typeof nextStep>;
  readonly failure: StorageFailure;
}> {
  let model = from;
  for (;;) {
    const step = nextStep(model, 3, model.seq);
    const result = await persist(store, step.operations);
    if (!result.ok) return { model, failed: step, failure: result.error };
    model = step.after;
  }
}

const small = mountSmall();
if (small === undefined) process.stdout.write("full disk: SKIPPED, it needs root and tmpfs\n");

test.skipIf(small === undefined)(
  "a full disk refuses without damage, and the same transaction passes once there is space",
  async () => {
    if (small === undefined) throw new Error("no file system");
    try {
      const dataDir = join(small.path, "data");
      mkdirSync(dataDir);
      const store = await open(dataDir);
      const first = bootstrapModel();
      await new Promise((resolve) => store.bootstrap(IDENTITY, first, resolve));
      let model: LogModel = first;
      let rounds = 0;
      for (const balloonBytes of [600_000, 500_000, 400_000]) {
        const balloon = join(small.path, "balloon");
        writeFileSync(balloon, new Uint8Array(balloonBytes));
        const full = await fillUp(store, model);
        expect(full.failure.kind).toBe("full");
        rmSync(balloon);
        const retried = await persist(store, full.failed.operations);
        expect(retried.ok).toBe(true);
        model = full.failed.after;
        rounds += 1;
      }
      await close(store);
      const again = await open(dataDir);
      expect(difference(model, again.initial)).toBeUndefined();
      await close(again);
      process.stdout.write(`full disk: ${rounds} times full and resumed, ${model.seq} transactions whole\n`);
    } finally {
      small.unmount();
    }
  },
  60_000,
);

test.skipIf(Bun.which("prlimit") === null)(
  "a limit on the size of files counts as a full disk, not as a broken one",
  async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "konsul-limit-"));
    const command = [
      "prlimit",
      "--fsize=300000",
      process.execPath,
      join(import.meta.dir, "crash-child.ts"),
      dataDir,
      "5",
    ];
    const child = Bun.spawn(command, { stdout: "pipe", stderr: "ignore" });
    let text = "";
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) {
      text += decoder.decode(bytes, { stream: true });
      if (text.includes("failed")) child.kill("SIGKILL");
    }
    await child.exited;
    expect(text).toContain("failed full");
    const again = await open(dataDir);
    expect(again.initial.seq).toBeGreaterThan(1);
    await close(again);
    rmSync(dataDir, { recursive: true, force: true });
  },
  60_000,
);
