import { expect } from "bun:test";
import type { Scenario } from "./scenario.ts";

/** What readers see and writers are told. */
export const OUTCOMES: readonly Scenario[] = [
  {
    attack: "6.1",
    claim: "a new leader answers no read before it knows what is committed",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      scene.mustWrite(0);
      scene.run(500);
      // Acknowledged, and nobody else knows that it is committed.
      scene.mustWrite(0, 3);
      scene.crash(0);
      scene.until("another one leads", () => scene.world.leader() !== undefined, 1000);
      const leader = scene.world.leader()?.host.number ?? -1;
      for (const host of scene.others(0, leader)) host.log.slowDown(400, 5000);
      const read = scene.read(leader);
      scene.until("the read is served", () => read.answer?.kind === "ready");
      scene.finish();
    },
    broken: [
      {
        breaks: "reads wait for a commit of the own term",
        edits: [
          {
            file: "src/raft/read-index.ts",
            find: "if (leading.reads.length === 0 || !hasCommittedOwnTerm(s, leading)) return;",
            replace: "if (leading.reads.length === 0) return;",
          },
        ],
      },
    ],
  },
  {
    attack: "6.1",
    claim: "a follower answers a read when it has applied the confirmed index, and soon",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      // It has what was written later than it learns that it is committed.
      scene.host(1).log.slowDown(200, 60_000);
      for (let round = 0; round < 10; round += 1) {
        scene.mustWrite(0);
        const from = scene.now;
        const [late, soon] = [scene.read(1), scene.read(2)];
        scene.until("both reads are served", () => [late, soon].every(({ answer }) => answer?.kind === "ready"));
        expect(soon.at - from).toBeLessThan(30);
        scene.run(300 + round);
      }
      scene.finish();
    },
    broken: [
      {
        breaks: "a read is served at its index, not before",
        edits: [
          {
            file: "src/node/reads.ts",
            find: "const due = this.#confirmed.filter(({ index }) => index <= applied);",
            replace: "const due = this.#confirmed.filter(({ index }) => index >= 0);",
          },
        ],
      },
    ],
  },
  {
    attack: "6.2",
    claim: "what was appended before leadership was lost is unknown, whether it is committed later or not",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      // Nobody else gets it.
      scene.lead(0);
      scene.isolate(0);
      const lost = scene.write(0);
      scene.mustWrite(scene.elect(scene.others(0)));
      scene.heal();
      scene.until("the lost write is answered", () => lost.answer !== undefined);
      expect(lost.answer?.kind).toBe("unknown");
      // Everybody gets it, and nobody can tell the leader so.
      scene.lead(0);
      scene.cut((_, to) => to === 0);
      const kept = scene.write(0, 3000);
      const heirs = scene.others(0);
      scene.until("the write is on both other disks", () =>
        heirs.every(({ log }) => log.image.lastIndex === scene.status(0).lastIndex),
      );
      scene.cut((from) => from === 0);
      scene.mustWrite(scene.elect(heirs));
      scene.until("the kept write is answered", () => kept.answer !== undefined);
      expect(kept.answer?.kind).toBe("unknown");
      scene.finish();
    },
    broken: [
      {
        breaks: "what was appended is never called refused",
        edits: [
          {
            file: "src/node/proposals.ts",
            find: "this.#appended.delete(index);\n    this.#unknown(waiting, reason);",
            replace: 'this.#appended.delete(index);\n    this.#refuse(waiting.done, { kind: "overloaded" });',
          },
        ],
      },
    ],
  },
];
