import { expect } from "bun:test";
import type { Host } from "../host.ts";
import type { Running } from "../stage.ts";
import type { Scenario } from "./scenario.ts";

/** They learn that this process is gone, as when its machine refuses their redials. */
function declareGone({ key, boot }: Running, others: readonly Host[]): void {
  for (const { process } of others) {
    process?.enter(() => process.transport.receiver?.onPeerGone({ key, boot }));
  }
}

/** Who may replace a leader, and how fast. */
export const FAILOVER: readonly Scenario[] = [
  {
    attack: "3.1",
    claim: "a leader that is known gone is replaced long before its followers' timers",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      scene.mustWrite(0);
      scene.crash(0);
      scene.mustWrite(scene.elect(scene.others(0), 300));
      scene.finish();
    },
    broken: [
      {
        breaks: "a voter that knows the leader gone does not wait for its timer",
        edits: [
          {
            file: "src/raft/failover.ts",
            find: "  s.fast = { gone: key, at: s.now + SPREAD_MS * s.options.random(), triesLeft: RETRIES + 1 };\n",
            replace: "",
          },
        ],
      },
    ],
  },
  {
    attack: "3.2",
    claim: "connections that are reset again and again cost no election",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      const { term } = scene.status(0);
      for (let round = 0; round < 20; round += 1) {
        scene.host(0).process?.transport.reset();
        scene.run(150);
        scene.mustWrite(0);
      }
      expect(scene.status(0).term).toBe(term);
      scene.finish();
    },
    broken: [
      {
        breaks: "a closed connection proves nothing about the process",
        edits: [
          {
            file: "src/raft/peers.ts",
            find: "  peer.isConnected = false;\n",
            replace:
              "  peer.isConnected = false;\n" +
              "  if (key === s.leader) {\n" +
              "    s.isLeaderGone = true;\n" +
              "    s.fast = { gone: key, at: s.now, triesLeft: 4 };\n" +
              "  }\n",
          },
        ],
      },
    ],
  },
  {
    attack: "3.3",
    claim: "a leader that was replaced without knowing it serves no read",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      scene.mustWrite(0);
      scene.run(200);
      scene.isolate(0);
      const { process } = scene.host(0);
      if (process !== undefined) declareGone(process, scene.others(0));
      scene.mustWrite(scene.elect(scene.others(0), 300), 3);
      expect(scene.status(0).role).toBe("leader");
      const read = scene.read(0, 3000);
      scene.run(4000);
      expect(read.answer?.kind).not.toBe("ready");
      scene.finish();
    },
    broken: [
      {
        breaks: "reads need a quorum that answers",
        edits: [
          {
            file: "src/raft/read-index.ts",
            find: "if (read.round > round) break;",
            replace: "if (read.round > round + 1e9) break;",
          },
        ],
      },
      {
        breaks: "only rounds that are sent after the read count",
        edits: [
          {
            file: "src/raft/read-index.ts",
            find: "leading.reads.push({ ...read, index, round: leading.round + 1 });",
            replace: "leading.reads.push({ ...read, index, round: leading.round - 1 });",
          },
        ],
      },
    ],
  },
  {
    attack: "3.4",
    claim: "what is heard late of the leader's former process says nothing of the present one",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      const former = scene.host(0).process;
      if (former === undefined) throw new RangeError("The leader must run");
      scene.crash(0, true);
      scene.restart(0);
      scene.elect();
      scene.lead(0);
      const { term } = scene.status(0);
      declareGone(former, scene.others(0));
      scene.run(3000);
      expect(scene.status(0).term).toBe(term);
      scene.finish();
    },
    broken: [
      {
        breaks: "a process is named by its boot",
        edits: [
          {
            file: "src/raft/failover.ts",
            find: "if (key !== s.leader || boot !== s.leaderBoot || key === s.self || s.isLeaderGone) return;",
            replace: "if (key !== s.leader || boot === undefined || key === s.self || s.isLeaderGone) return;",
          },
        ],
      },
    ],
  },
  {
    attack: "3.5",
    claim: "a fast round that was refused because a voter did not know yet is tried again soon",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      // The second voter cannot win: without another try of the first one nobody does before the timers.
      scene.isolate(2);
      scene.mustWrite(0, 3);
      scene.heal();
      const gone = scene.host(0).process;
      if (gone === undefined) throw new RangeError("The leader must run");
      scene.crash(0, true);
      declareGone(gone, [scene.host(1)]);
      scene.run(100);
      declareGone(gone, [scene.host(2)]);
      expect(scene.elect(scene.others(0), 700)).toBe(1);
      scene.finish();
    },
    broken: [
      {
        breaks: "a lost fast round comes again soon",
        edits: [
          {
            file: "src/raft/election.ts",
            find: "  fast.at = s.now + 50 + 100 * s.options.random();\n",
            replace: "",
          },
        ],
      },
    ],
  },
  {
    attack: "3.6",
    claim: "slow disks on a majority starve neither the leader's contact nor its reads",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      const { term } = scene.status(0);
      for (const host of scene.others(0)) host.log.slowDown(900, 60_000);
      for (let round = 0; round < 40; round += 1) {
        scene.write(0);
        scene.run(100);
      }
      const read = scene.read(0);
      scene.until("the read is served", () => read.answer?.kind === "ready", 300);
      expect(scene.status(0).term).toBe(term);
      scene.finish();
    },
    broken: [
      {
        breaks: "a heartbeat is answered at once with what is durable",
        edits: [
          {
            file: "src/raft/append-follower.ts",
            find: "append.entries.length === 0 ? Math.min(equalTo, s.durability.index) : matched;",
            replace: "append.entries.length === 0 ? equalTo : matched;",
          },
        ],
      },
    ],
  },
];
