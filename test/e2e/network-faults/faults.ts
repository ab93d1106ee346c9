import type { Prng } from "../../../src/base/index.ts";
import type { Namespaces } from "../three-namespaces.ts";

const TURNS = [
  [0, 1, 2],
  [1, 2, 0],
  [2, 0, 1],
] as const;

/** Does one of the things to the network that partitions and bad links are made of; what it was. */
export function inject(prng: Prng, network: Namespaces): string {
  const [a, b, c] = prng.pick(TURNS);
  const kind = prng.pick(["isolate", "isolate", "deaf", "mute", "bridge", "delay", "loss"] as const);
  if (kind === "isolate" || kind === "mute") for (const other of [b, c]) network.cut(a, other);
  if (kind === "isolate" || kind === "deaf") for (const other of [b, c]) network.cut(other, a);
  if (kind === "bridge") {
    network.cut(a, b);
    network.cut(b, a);
  }
  if (kind === "delay") network.slow(a);
  if (kind === "loss") network.lose(a, prng.pick([0.1, 0.3]));
  return `${kind} ${a}`;
}
