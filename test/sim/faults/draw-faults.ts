import { unreachable, type Prng } from "../../../src/base/index.ts";
import type { SwarmOptions } from "../swarm.ts";
import { AMNESIAS, ROLES, SCENES } from "./amnesia-matrix.ts";
import type { Fault, FaultBody, FaultClass, Target } from "./fault.ts";

/** The first election is left alone. */
const CALM_MS = 500;

/** The faults of a run, in order of time. Each class has its own stream, so that one does not shift the others. */
export function drawFaults(options: SwarmOptions, random: Prng): readonly Fault[] {
  const faults: Fault[] = [];
  for (const [name, rate] of options.faultRates) {
    const stream = random.fork();
    const gapMs = 1000 / rate;
    for (let at = CALM_MS + stream.float() * gapMs * 2; at < options.horizonMs; at += stream.float() * gapMs * 2) {
      faults.push({ at, body: drawBody(name, options, stream) });
    }
  }
  return faults.toSorted((a, b) => a.at - b.at);
}

function drawTarget(options: SwarmOptions, random: Prng): Target {
  if (random.chance(0.4)) return { kind: "leader" };
  return { kind: "host", number: random.between(0, options.hostCount) };
}

/** Very short or up to a few elections: long outages alone hide every bug that needs a quick return. */
function drawDown(options: SwarmOptions, random: Prng): number {
  const { electionTimeoutMs } = options.timing;
  return random.pick([0, 0.5, 3, 20, 100, electionTimeoutMs, electionTimeoutMs * 5]) * (0.5 + random.float());
}

function drawSpan(options: SwarmOptions, random: Prng): number {
  const { electionTimeoutMs } = options.timing;
  return electionTimeoutMs * random.pick([0.1, 0.5, 1, 2, 5, 10]) * (0.5 + random.float());
}

function drawBody(kind: FaultClass, options: SwarmOptions, random: Prng): FaultBody {
  const target = drawTarget(options, random);
  const downMs = drawDown(options, random);
  const forMs = drawSpan(options, random);
  switch (kind) {
    case "crash":
      return { kind, target, downMs, isPowerCut: random.chance(0.3) };
    case "crash-all": {
      const all = Array.from({ length: options.hostCount }, () => drawDown(options, random));
      return { kind, downMs: random.chance(0.5) ? all : all.map(() => downMs), isPowerCut: random.chance(0.5) };
    }
    case "crash-at-send": {
      const message = random.pick([
        "vote",
        "vote-reply",
        "append",
        "append-reply",
        "vote-reply",
        "timeout-now",
        "pre-vote-reply",
        "snapshot-reply",
      ] as const);
      return { kind, target, message, isSent: random.chance(0.6), downMs: random.chance(0.6) ? 0.1 : downMs };
    }
    case "crash-at-sync":
      return {
        kind,
        target,
        countdown: random.between(0, 4),
        moment: random.chance(0.5) ? "before" : "after",
        downMs,
      };
    case "crash-at-snapshot":
      return { kind, target, moment: random.pick(["write", "receive", "install"] as const), downMs };
    case "stop":
      return { kind, target, downMs };
    case "pause":
      return { kind, target, forMs };
    case "clock-jump":
      return { kind, target, byMs: random.pick([1, 50, 400, 5000, 100_000]) };
    case "partition":
      return {
        kind,
        shape: random.pick(["isolate", "deaf", "mute", "halves", "bridge", "one-link"] as const),
        target,
        salt: random.next(),
        forMs,
        isHeld: random.chance(options.network.holdChance),
      };
    case "reset":
      return { kind, target, isAll: random.chance(0.3) };
    case "slow-link":
      return { kind, target, extraMs: random.pick([10, 100, 600]), forMs };
    case "slow-disk":
      return { kind, target, extraMs: random.pick([50, 200, 2000]), forMs };
    case "disk-full":
      return { kind, target, forMs };
    case "remove":
      return { kind, target, forMs: forMs + 1000, isTold: random.chance(0.5) };
    case "demote":
      return { kind, target, forMs };
    case "raw-change":
      return { kind, salt: random.next() };
    case "burst":
      return { kind, target, count: random.between(5, 100) };
    case "sync-failure":
    case "wipe":
      return { kind, target, downMs };
    case "rollback":
      return { kind, target, afterMs: 1000 + random.float() * 6000, forMs: Math.min(forMs, 1000), downMs };
    case "outrun": {
      const span = options.timing.heartbeatTimeoutMs * 4 + options.timing.electionTimeoutMs * 4 * random.float();
      return { kind, target: { kind: "leader" }, count: random.between(50, 400), forMs: span };
    }
    case "bit-rot":
      return { kind, target, place: random.chance(0.7) ? "entry" : "snapshots", at: random.float() };
    case "amnesia": {
      const what = random.pick(AMNESIAS);
      const role = random.pick(ROLES);
      const scene = random.pick(role === "leader" ? SCENES.filter((one) => one !== "leader down") : SCENES);
      return { kind, what, role, scene, afterMs: random.float() * 6000, forMs, downMs, salt: random.next() };
    }
    case "transfer":
      return { kind, target, isCut: random.chance(0.3) };
    case "strand":
      return {
        kind,
        target: { kind: "leader" },
        count: random.between(1, 30),
        forMs: forMs + 300,
        downMs: downMs + 50,
      };
    case "damage-snapshot":
    case "snapshot":
      return { kind, target };
    case "cut-transfers":
      return { kind };
    default:
      return unreachable(kind);
  }
}
