import { join } from "node:path";
import { KONSUL, temporaryFolder } from "./agent-process.ts";

/** Three nodes, each in a network namespace of its own behind one bridge; this process stands at the bridge. */
export interface Namespaces {
  readonly urls: readonly string[];
  /** What node `from` sends to node `to` gets lost. */
  cut(from: number, to: number): void;
  /** What node `from` sends goes through a thin pipe, and is late by what waits in it. */
  slow(from: number): void;
  /** So large a share of what comes to node `to` gets lost. */
  lose(to: number, share: number): void;
  /** The host of this node vanishes: nothing reaches it or leaves it, and nobody is told. */
  unplug(at: number): void;
  heal(): void;
  remove(): Promise<void>;
}

/** Why there can be none here; undefined: there can. */
export function whyNoNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  if (Bun.which("ip") === null || Bun.which("tc") === null) return "needs iproute2";
  if (Bun.which("iptables") === null) return "needs iptables";
  const name = `kprobe${process.pid}`;
  if (!Bun.spawnSync(["ip", "netns", "add", name]).success) return "no network namespaces here";
  Bun.spawnSync(["ip", "netns", "del", name]);
  return undefined;
}

function ip(...words: readonly string[]): void {
  run("ip", ...words);
}

function run(...words: readonly string[]): void {
  const ran = Bun.spawnSync([...words]);
  if (!ran.success) throw new Error(`${words.join(" ")}: ${ran.stderr.toString()}`);
}

export function createNamespaces(flags: readonly string[], executable = KONSUL): Namespaces {
  const tag = process.pid % 100_000;
  const net = `10.251.${process.pid % 250}`;
  const bridge = `kb${tag}`;
  const names = [0, 1, 2].map((at) => `kn${tag}-${at}`);
  const address = (at: number): string => `${net}.${11 + at}`;
  const folder = temporaryFolder();
  const children: Bun.Subprocess[] = [];
  const cuts = new Set<string>();
  const [slow, lossy, unplugged] = [new Set<number>(), new Set<number>(), new Set<number>()];
  const inside = (at: number, ...words: readonly string[]): void => ip("-n", names[at] ?? "", ...words);
  const heal = (): void => {
    for (const pair of cuts) {
      const [from = 0, to = 0] = pair.split(" ").map(Number);
      inside(from, "route", "del", "blackhole", `${address(to)}/32`);
    }
    cuts.clear();
    for (const at of slow) run("tc", "-n", names[at] ?? "", "qdisc", "del", "dev", "eth0", "root");
    slow.clear();
    for (const at of lossy) ip("netns", "exec", names[at] ?? "", "iptables", "-F", "INPUT");
    lossy.clear();
    for (const at of unplugged) ip("link", "set", `kv${tag}-${at}`, "up");
    unplugged.clear();
  };
  const remove = async (): Promise<void> => {
    for (const child of children) child.kill("SIGKILL");
    for (const child of children) await child.exited;
    for (const name of names) Bun.spawnSync(["ip", "netns", "del", name]);
    Bun.spawnSync(["ip", "link", "del", bridge]);
  };
  ip("link", "add", bridge, "type", "bridge");
  ip("addr", "add", `${net}.1/24`, "dev", bridge);
  ip("link", "set", bridge, "up");
  for (const [at, name] of names.entries()) {
    ip("netns", "add", name);
    ip("link", "add", `kv${tag}-${at}`, "type", "veth", "peer", "name", "eth0", "netns", name);
    ip("link", "set", `kv${tag}-${at}`, "master", bridge, "up");
    inside(at, "addr", "add", `${address(at)}/24`, "dev", "eth0");
    inside(at, "link", "set", "eth0", "up");
    inside(at, "link", "set", "lo", "up");
  }
  const peers = [0, 1, 2].map((at) => `${address(at)}:7000`).join(",");
  for (const [at, name] of names.entries()) {
    const own = [`--host=${address(at)}`, `--raft-bind-addr=${address(at)}:7000`, `--node-id=node-${at}`];
    const shared = ["--port=8888", "--join-token=secret", "--insecure", "--bootstrap-expect=3", `--join=${peers}`];
    children.push(
      Bun.spawn(
        [
          "ip",
          "netns",
          "exec",
          name,
          executable,
          "agent",
          ...own,
          ...shared,
          `--data-dir=${join(folder, name)}`,
          ...flags,
        ],
        {
          env: { PATH: process.env["PATH"] ?? "", KONSUL_LIMITS_DISK_RESERVE_BYTES: "0", KONSUL_LOG_LEVEL: "warn" },
          stdio: ["ignore", "ignore", "ignore"],
        },
      ),
    );
  }
  return {
    urls: [0, 1, 2].map((at) => `http://${address(at)}:8888`),
    cut: (from, to) => {
      if (cuts.has(`${from} ${to}`)) return;
      cuts.add(`${from} ${to}`);
      inside(from, "route", "add", "blackhole", `${address(to)}/32`);
    },
    slow: (from) => {
      slow.add(from);
      const pipe = ["tbf", "rate", "400kbit", "burst", "4kb", "latency", "800ms"];
      run("tc", "-n", names[from] ?? "", "qdisc", "add", "dev", "eth0", "root", ...pipe);
    },
    lose: (to, share) => {
      lossy.add(to);
      const some = ["-m", "statistic", "--mode", "random", "--probability", String(share)];
      ip("netns", "exec", names[to] ?? "", "iptables", "-A", "INPUT", ...some, "-j", "DROP");
    },
    unplug: (at) => {
      unplugged.add(at);
      ip("link", "set", `kv${tag}-${at}`, "down");
    },
    heal,
    remove,
  };
}
