import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { KONSUL, temporaryFolder } from "../agent-process.ts";
import type { Block } from "./pages.ts";

const TOP = join(import.meta.dir, "..", "..", "..");
const STEP_MS_MAX = 90_000;
/** What an agent says once it can be asked, or once it waits for others. */
const LISTENS = /http=http|Waiting for/;

/**
 * The machines of a runbook, all of them this one: `10.0.1.N` and `127.0.0.N` are addresses of the loopback network, and each
 * has its own `/var/lib/konsul`. Nothing else of a page's text is changed.
 */
class Machines {
  readonly folder = temporaryFolder();
  readonly #net: string;

  constructor(number: number) {
    this.#net = `127.${64 + (process.pid % 128)}.${(Math.floor(process.pid / 128) + number) % 256}.`;
    mkdirSync(join(this.folder, "bin"));
    mkdirSync(join(this.folder, "scripts"));
    mkdirSync(join(this.folder, "etc", "konsul"), { recursive: true });
    symlinkSync(KONSUL, join(this.folder, "bin", "konsul"));
    symlinkSync(KONSUL, join(this.folder, "scripts", "konsul"));
    symlinkSync(join(TOP, "scripts", "rolling-upgrade.sh"), join(this.folder, "scripts", "rolling-upgrade.sh"));
    writeFileSync(join(this.folder, "variables"), "");
  }

  /** The page's text for the machine with this address. */
  text(text: string, on: string): string {
    return text
      .replaceAll("/var/lib/konsul", join(this.folder, on, "var", "lib", "konsul"))
      .replaceAll("/etc/konsul", join(this.folder, "etc", "konsul"))
      .replaceAll("10.0.1.", this.#net)
      .replaceAll("127.0.0.", this.#net);
  }

  environment(on: string): Record<string, string> {
    // What an agent and a command take when they are told nothing.
    const standard = this.text("127.0.0.1", "");
    mkdirSync(join(this.folder, on, "var", "lib"), { recursive: true });
    return {
      PATH: `${join(this.folder, "bin")}:${process.env["PATH"] ?? ""}`,
      HOME: this.folder,
      ADDRESS: this.text(on, ""),
      KONSUL_HOST: standard,
      KONSUL_HTTP_ADDR: `http://${standard}:8888`,
      KONSUL_LIMITS_DISK_RESERVE_BYTES: "0",
    };
  }
}

/** One runbook from its first block to its last, in one folder. */
export class Runbook {
  readonly #machines: Machines;
  readonly #groups: number[] = [];
  #output = "";

  constructor(number: number) {
    this.#machines = new Machines(number);
  }

  /** @throws Error that names the block */
  async run(block: Block): Promise<void> {
    const { language, tags, text } = block;
    const machines = (tags.get("on") ?? "").split(",");
    if (tags.has("file")) return this.#write(block, tags.get("file") ?? "");
    if (language === "text") return this.#expectOutput(block);
    for (const on of machines) {
      const command = this.#machines.text(text, on);
      if (tags.has("background")) await this.#start(block, command, on);
      else await this.#finish(block, command, on);
    }
  }

  /** Ends everything that was started, in the background too. */
  end(): void {
    for (const group of this.#groups) {
      try {
        process.kill(-group, "SIGKILL");
      } catch {
        // All of it has ended by itself.
      }
    }
  }

  #write({ text }: Block, path: string): void {
    const file = path.startsWith("/") ? this.#machines.text(path, "") : join(this.#machines.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, this.#machines.text(text, ""));
  }

  /** The last command said every line of the page; `…` stands for anything. A value that is not shown on a terminal ends in no line. */
  #expectOutput({ place, text }: Block): void {
    for (const line of this.#machines.text(text, "").split("\n")) {
      const parts = line.trim().split("…");
      const pattern = new RegExp(
        parts
          .map((part) =>
            part
              .split(/ +/)
              .map((word) => RegExp.escape(word))
              .join(" +"),
          )
          .join(".*"),
      );
      if (!pattern.test(this.#output)) {
        throw new Error(`${place} shows "${line}", and the command before it said:\n${this.#output}`);
      }
    }
  }

  async #finish({ place, tags }: Block, command: string, on: string): Promise<void> {
    const { child, output } = this.#spawn(command, on);
    const isTooLong = await Promise.race([child.exited.then(() => false), Bun.sleep(STEP_MS_MAX).then(() => true)]);
    this.#output = output();
    const wanted = Number(tags.get("exit") ?? 0);
    if (isTooLong) throw new Error(`${place} takes longer than ${STEP_MS_MAX / 1000} s:\n${command}\n${this.#output}`);
    if (child.exitCode !== wanted) {
      throw new Error(`${place} ended with ${child.exitCode} instead of ${wanted}:\n${command}\n${this.#output}`);
    }
  }

  /** As in a terminal of its own: goes on once it listens. */
  async #start({ place }: Block, command: string, on: string): Promise<void> {
    const { child, output } = this.#spawn(command, on);
    const until = performance.now() + STEP_MS_MAX;
    while (!LISTENS.test(output())) {
      const isOver = child.exitCode !== null || performance.now() > until;
      if (isOver) throw new Error(`${place} does not listen:\n${command}\n${output()}`);
      await Bun.sleep(20);
    }
  }

  #spawn(command: string, on: string): { readonly child: Bun.Subprocess; readonly output: () => string } {
    const file = join(this.#machines.folder, `output-${this.#groups.length}`);
    const variables = join(this.#machines.folder, "variables");
    // Variables that a step sets are there in the next one, as in one terminal; what says which machine it is, is not.
    const own = "ADDRESS|KONSUL_HOST|PATH|HOME";
    const keep = `declare -px | grep -vE '^declare -x (${own})=' > ${variables}`;
    const script = `set -euo pipefail\n. ${variables}\ntrap "${keep.replaceAll('"', '\\"')}" EXIT\n${command}\n`;
    const child = Bun.spawn(["bash", "-c", script], {
      cwd: this.#machines.folder,
      env: this.#machines.environment(on),
      stdin: "ignore",
      stdout: Bun.file(file),
      stderr: Bun.file(`${file}-problems`),
      // A group of its own, so that what it starts in the background can be ended with it.
      detached: true,
    });
    this.#groups.push(child.pid);
    const read = (path: string): string => {
      try {
        return readFileSync(path, "utf8");
      } catch {
        return "";
      }
    };
    return { child, output: () => read(file) + read(`${file}-problems`) };
  }
}
