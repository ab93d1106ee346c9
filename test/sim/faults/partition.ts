import { createPrng, unreachable } from "../../../src/base/index.ts";
import type { World } from "../world.ts";
import type { FaultBody } from "./fault.ts";

type Shape = Extract<FaultBody, { kind: "partition" }>;

/** Cuts links around one host, or through the whole cluster. */
export function partition(world: World, host: number, body: Shape): void {
  world.network.links.cut(blocksOf(world, host, body), body.forMs, body.isHeld);
}

function blocksOf(world: World, host: number, { shape, salt }: Shape): (from: number, to: number) => boolean {
  const random = createPrng(salt);
  const count = world.options.hostCount;
  switch (shape) {
    case "isolate":
      return (from, to) => from === host || to === host;
    case "deaf":
      return (_, to) => to === host;
    case "mute":
      return (from) => from === host;
    case "halves": {
      const side = Array.from({ length: count }, () => random.chance(0.5));
      return (from, to) => side[from] !== side[to];
    }
    case "bridge": {
      // Two sides that meet in one host only.
      const side = Array.from({ length: count }, () => random.chance(0.5));
      return (from, to) => from !== host && to !== host && side[from] !== side[to];
    }
    case "one-link": {
      const other = random.between(0, count);
      const isOneWay = random.chance(0.5);
      return (from, to) => (from === host && to === other) || (!isOneWay && from === other && to === host);
    }
    default:
      return unreachable(shape);
  }
}
