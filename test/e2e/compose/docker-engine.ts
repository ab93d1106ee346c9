import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What `docker import` makes a base image of: a small Debian, made once and kept in the project's cache. */
const ROOT = join(import.meta.dir, "..", "..", "..");
const BASE = join(ROOT, ".cache", "base-image.tar");
const START_TRIES = 150;

/** Why no Docker engine can be had here; undefined: one can. */
export function whyNoDocker(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "it needs root on Linux";
  for (const tool of ["dockerd", "docker", "docker-compose", "debootstrap"]) {
    if (Bun.which(tool) === null && !existsSync(join("/usr/sbin", tool))) return `${tool} is not installed`;
  }
  return undefined;
}

export interface DockerEngine {
  readonly environment: Readonly<Record<string, string>>;
  /** Runs a command against this engine; what it printed. @throws Error with its output when it fails */
  run(words: readonly string[], more?: Readonly<Record<string, string>>): Promise<string>;
  stop(): Promise<void>;
}

/** An engine of its own, with its own socket, data and bridge; undefined where the kernel does not let it start. */
export async function startDockerEngine(): Promise<DockerEngine | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "konsul-docker-"));
  const hadBridge = existsSync("/sys/class/net/docker0");
  const socket = join(folder, "docker.sock");
  const log = join(folder, "log");
  writeFileSync(join(folder, "daemon.json"), "{}");
  const daemon = Bun.spawn(
    [
      "dockerd",
      // Nothing of this machine's own rules is touched: ports are published by the proxy in user space.
      "--iptables=false",
      "--ip6tables=false",
      "--ip-masq=false",
      `--host=unix://${socket}`,
      `--data-root=${join(folder, "data")}`,
      `--exec-root=${join(folder, "exec")}`,
      `--pidfile=${join(folder, "pid")}`,
      `--config-file=${join(folder, "daemon.json")}`,
    ],
    {
      stdio: ["ignore", Bun.file(log), Bun.file(log)],
      env: { ...process.env, PATH: `/usr/sbin:${process.env["PATH"]}` },
    },
  );
  const environment = { PATH: process.env["PATH"] ?? "", HOME: folder, DOCKER_HOST: `unix://${socket}` };
  const stop = async (): Promise<void> => {
    daemon.kill("SIGTERM");
    await daemon.exited;
    if (!hadBridge) Bun.spawnSync(["ip", "link", "del", "docker0"]);
    rmSync(folder, { recursive: true, force: true });
  };
  const engine: DockerEngine = {
    environment,
    run: async (words, more) => {
      const child = Bun.spawn([...words], {
        cwd: ROOT,
        env: { ...environment, ...more },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const [out, problems] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
      if ((await child.exited) !== 0) throw new Error(`${words.join(" ")}: ${problems}${out}`);
      return out;
    },
    stop,
  };
  for (let tries = 0; tries < START_TRIES; tries += 1) {
    const isUp = await engine.run(["docker", "info"]).then(
      () => true,
      () => false,
    );
    if (isUp) return engine;
    if (daemon.exitCode !== null) break;
    await Bun.sleep(100);
  }
  console.log(
    `SKIP: the Docker engine does not start here: ${readFileSync(log, "utf8").split("\n").slice(-3).join(" ")}`,
  );
  await stop();
  return undefined;
}

/** Debian as a local image, from the mirror that this machine's apt uses. */
export async function importBaseImage(engine: DockerEngine, name: string): Promise<void> {
  if (!existsSync(BASE)) {
    const folder = mkdtempSync(join(tmpdir(), "konsul-base-"));
    mkdirSync(join(ROOT, ".cache"), { recursive: true });
    await engine.run(["debootstrap", "--variant=minbase", "bookworm", folder], {
      PATH: `/usr/sbin:/sbin:${process.env["PATH"]}`,
    });
    await engine.run(["tar", "-C", folder, "-cf", `${BASE}.new`, "."]);
    await engine.run(["mv", `${BASE}.new`, BASE]);
    rmSync(folder, { recursive: true, force: true });
  }
  await engine.run(["docker", "import", BASE, name]);
}
