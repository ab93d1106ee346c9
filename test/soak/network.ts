function run(...words: readonly string[]): void {
  const ran = Bun.spawnSync([...words]);
  if (!ran.success) throw new Error(`${words.join(" ")}: ${ran.stderr.toString()}`);
}

/** Why there can be none here; undefined: there can. */
export function whyNoNetwork(): string | undefined {
  if (process.getuid?.() !== 0) return "it needs root, for network namespaces and a small disk";
  if (Bun.which("ip") === null) return "it needs iproute2";
  const name = `sprobe${process.pid % 100_000}`;
  if (!Bun.spawnSync(["ip", "netns", "add", name]).success) return "there are no network namespaces here";
  Bun.spawnSync(["ip", "netns", "del", name]);
  return undefined;
}

/** So many network namespaces behind one bridge, at which this process stands: it always reaches all of them. */
export class Network {
  readonly addresses: readonly string[];
  readonly names: readonly string[];
  readonly #bridge: string;
  readonly #cuts = new Set<string>();

  constructor(count: number) {
    const tag = process.pid % 100_000;
    const net = `10.252.${process.pid % 250}`;
    this.#bridge = `sb${tag}`;
    this.names = Array.from({ length: count }, (_, at) => `sn${tag}-${at}`);
    this.addresses = this.names.map((_, at) => `${net}.${11 + at}`);
    run("ip", "link", "add", this.#bridge, "type", "bridge");
    run("ip", "addr", "add", `${net}.1/24`, "dev", this.#bridge);
    run("ip", "link", "set", this.#bridge, "up");
    for (const [at, name] of this.names.entries()) {
      const outside = `sv${tag}-${at}`;
      run("ip", "netns", "add", name);
      run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", name);
      run("ip", "link", "set", outside, "master", this.#bridge, "up");
      run("ip", "-n", name, "addr", "add", `${this.addresses[at]}/24`, "dev", "eth0");
      run("ip", "-n", name, "link", "set", "eth0", "up");
      run("ip", "-n", name, "link", "set", "lo", "up");
    }
  }

  /** What node `from` sends to node `to` gets lost. */
  cut(from: number, to: number): void {
    if (from === to || this.#cuts.has(`${from} ${to}`)) return;
    this.#cuts.add(`${from} ${to}`);
    this.#route("add", from, to);
  }

  heal(): void {
    for (const pair of this.#cuts) {
      const [from = 0, to = 0] = pair.split(" ").map(Number);
      this.#route("del", from, to);
    }
    this.#cuts.clear();
  }

  remove(): void {
    for (const name of this.names) Bun.spawnSync(["ip", "netns", "del", name]);
    Bun.spawnSync(["ip", "link", "del", this.#bridge]);
  }

  #route(verb: "add" | "del", from: number, to: number): void {
    run("ip", "-n", this.names[from] ?? "", "route", verb, "blackhole", `${this.addresses[to]}/32`);
  }
}
