import { expect } from "bun:test";
import { isRecognised } from "../faults/amnesia.ts";
import { CALM_NETWORK } from "./calm-options.ts";
import type { Scenario } from "./scenario.ts";
import type { Scene } from "./scene.ts";

/** More than two election timeouts: only then a pair counts as silent. */
const SILENT_MS = 2500;

/** Wipes a machine and lets the leader take its new pair for the old one, as a learner that is still down. */
function replaceWiped(scene: Scene, leader: number, wiped: number, nonVoter = false): void {
  const old = scene.key(wiped);
  scene.wipe(wiped);
  scene.run(SILENT_MS);
  expect(scene.changed(leader, { kind: "replace", old, member: { ...scene.member(wiped), nonVoter } })).toBe("ok");
}

function untilVoter(scene: Scene, leader: number, number: number): void {
  scene.until(`n${number} is a voter`, () =>
    scene.status(leader).committedMembership.voters.includes(scene.key(number)),
  );
}

/** Who is a pair, what its disk is worth, and when another pair may take its place. */
export const PAIRS: readonly Scenario[] = [
  {
    attack: "1.2",
    claim: "disks that are full everywhere at once refuse writes and throw nobody out",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      const leader = scene.elect();
      scene.mustWrite(leader, 5);
      for (const host of scene.world.hosts) host.log.fillUp(10_000);
      const write = scene.write(leader, 1000);
      scene.run(8000);
      expect(write.answer?.kind).not.toBe("applied");
      expect(scene.world.hosts.filter(({ isUp, isLost }) => isUp && !isLost)).toHaveLength(3);
      scene.finish();
    },
    broken: [
      {
        breaks: "a full disk is no broken disk",
        edits: [
          {
            file: "src/node/disk.ts",
            find: 'if (result.error.kind === "full") {',
            replace: 'if (result.error.kind === "full" && commitHint < 0) {',
          },
        ],
      },
    ],
  },
  {
    attack: "1.3",
    claim: "a node whose sync failed stays up, acknowledges nothing any more, and is not believed",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      scene.mustWrite(0);
      const broken = scene.host(1);
      broken.isLost = true;
      broken.log.failNextSync();
      scene.crash(2);
      const write = scene.write(0);
      scene.run(5000);
      expect(write.answer?.kind).not.toBe("applied");
      expect(broken.isUp).toBe(true);
      scene.restart(2);
      scene.mustWrite(scene.elect(scene.others(1)));
      scene.finish();
    },
    broken: [
      {
        breaks: "a failed sync is never tried again",
        edits: [
          {
            file: "src/node/disk.ts",
            find: "this.#events.onUntrusted(result.error.message);",
            replace: "this.#isBroken = false;\n      this.#write(batch, commitHint);",
          },
        ],
      },
    ],
  },
  {
    attack: "1.4",
    claim: "a live voter is not replaced by a second machine with its id; a silent one is, and stays out",
    setup: { hosts: 4, voters: 3 },
    play: (scene) => {
      scene.host(3).id = scene.host(1).id;
      scene.wipe(3);
      scene.lead(0);
      const swap = { kind: "replace", old: scene.key(1), member: scene.member(3) } as const;
      expect(scene.changed(0, swap)).toBe("refused");
      expect(scene.status(0).membership.voters).toContain(scene.key(1));
      scene.crash(1);
      scene.run(SILENT_MS);
      expect(scene.changed(0, swap)).toBe("ok");
      scene.restart(3);
      untilVoter(scene, 0, 3);
      scene.restart(1);
      scene.until("the old pair knows", () => scene.status(1).role === "removed");
      scene.mustWrite(0);
    },
    broken: [
      {
        breaks: "only a silent pair is replaced",
        edits: [
          {
            file: "src/raft/change-gate.ts",
            find: "if (old !== s.self && heardAt < since) return undefined;",
            replace: "if (old !== s.self && heardAt < Infinity) return undefined;",
          },
        ],
      },
    ],
  },
  {
    attack: "1.5",
    claim: "a new incarnation is a learner first: with it and half of the old voters nothing is committed",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      scene.mustWrite(0, 3);
      // Else it would be promoted, which the one old voter and it may commit.
      scene.host(1).wish = "learner";
      replaceWiped(scene, 0, 1, true);
      scene.restart(1);
      scene.run(500);
      scene.crash(2);
      const write = scene.write(0, 3000);
      scene.run(4000);
      expect(write.answer?.kind).not.toBe("applied");
      scene.restart(2);
      scene.finish();
    },
    broken: [
      {
        breaks: "learners acknowledge nothing",
        edits: [
          {
            file: "src/raft/commit.ts",
            find: "const index = committedIndex(s.members.effective.membership, acked);",
            replace:
              "const { voters, learners, outgoing } = s.members.effective.membership;\n" +
              "  const index = committedIndex({ voters: [...voters, ...learners], outgoing }, acked);",
          },
        ],
      },
    ],
  },
  {
    attack: "1.6",
    claim: "a node with an old membership follows a leader that it does not know",
    setup: { hosts: 5, voters: 5 },
    play: (scene) => {
      scene.lead(0);
      scene.mustWrite(0);
      scene.crash(3);
      replaceWiped(scene, 0, 1);
      scene.restart(1);
      untilVoter(scene, 0, 1);
      scene.lead(1);
      // From here on nobody but the new incarnation can be elected without the two that will be gone.
      scene.isolate(2);
      scene.mustWrite(1, 3);
      scene.crash(0);
      scene.crash(4);
      scene.heal();
      scene.restart(3);
      scene.mustWrite(scene.elect([scene.host(1), scene.host(2), scene.host(3)]));
      expect(scene.elect()).toBe(1);
      scene.finish();
    },
    broken: [
      {
        breaks: "requests are judged by Raft's rules, whoever they come from",
        edits: [
          {
            file: "src/raft/admit.ts",
            find: 'if (message.from === s.self) return "from this very pair";',
            replace:
              "const { members } = s.members.effective.membership;\n" +
              '  if (members.size > 0 && !members.has(message.from)) return "no member";',
          },
        ],
      },
    ],
  },
  {
    attack: "1.7",
    claim: "a machine that lost its disk and its id with it takes its old place by its address",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      const old = scene.key(1);
      scene.host(1).id = "renamed";
      scene.wipe(1);
      scene.run(SILENT_MS);
      expect(scene.changed(0, { kind: "replace", old, member: scene.member(1) })).toBe("ok");
      scene.restart(1);
      untilVoter(scene, 0, 1);
      scene.finish();
    },
    broken: [
      {
        breaks: "the same address is enough for a replacement",
        edits: [
          {
            file: "src/raft/membership-change.ts",
            find: 'const isSameAddress = known.address !== "" &&',
            replace: 'const isSameAddress = known.address === "" &&',
          },
        ],
      },
    ],
  },
  {
    attack: "1.8",
    claim: "a folder that was put back counts for nothing, also when the leader that knew better is gone",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      const { world } = scene;
      scene.lead(0);
      scene.mustWrite(0, 5);
      const copy = scene.host(1).copyFolder();
      scene.mustWrite(0, 5);
      scene.until("the logs tell what the disk promised since", () => isRecognised(world, scene.host(1), copy));
      scene.isolate(2);
      scene.mustWrite(0, 5);
      scene.crash(0);
      scene.host(1).putBack(copy, 1);
      scene.heal();
      scene.run(20_000);
      expect(world.leader()).toBeUndefined();
      scene.restart(0);
      scene.mustWrite(scene.elect([scene.host(0), scene.host(2)]));
    },
    broken: [
      {
        breaks: "a folder that was put back is recognised",
        edits: [
          {
            file: "src/raft/rollback.ts",
            find: "if (boot === peer.boot || peer.startSeq >= seq) return;",
            replace: "if (boot === peer.boot || peer.startSeq >= 0) return;",
          },
        ],
      },
    ],
  },
  {
    attack: "1.9",
    claim: "answers that come late and out of order accuse nobody",
    setup: { hosts: 3, voters: 3, options: { network: { ...CALM_NETWORK, reorderChance: 0.3, reorderMsMax: 40 } } },
    play: (scene) => {
      const leader = scene.elect();
      for (let round = 0; round < 30; round += 1) scene.mustWrite(scene.elect(), 4);
      expect(scene.elect()).toBe(leader);
      expect(scene.world.marks.count("dropped: its disk was rolled back")).toBe(0);
      scene.finish();
    },
    broken: [
      {
        breaks: "only the handshake of a new process may accuse",
        edits: [
          {
            file: "src/raft/rollback.ts",
            find: "if (known !== undefined && known.seq >= told.seq) return;",
            replace:
              "if (known !== undefined && known.seq > told.seq) s.distrusted.set(told.key, told.boot);\n" +
              "  if (known !== undefined && known.seq >= told.seq) return;",
          },
        ],
      },
    ],
  },
  {
    attack: "1.10",
    claim: "a second wiped voter is replaced once the first one votes again, and nothing is lost",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      scene.mustWrite(0, 3);
      replaceWiped(scene, 0, 1);
      scene.restart(1);
      untilVoter(scene, 0, 1);
      scene.wipe(2);
      scene.mustWrite(0, 3);
      const old = scene.status(0).membership.voters.find((key) => key.startsWith("n2~"));
      scene.run(SILENT_MS);
      expect(scene.changed(0, { kind: "replace", old: old ?? "", member: scene.member(2) })).toBe("ok");
      scene.restart(2);
      untilVoter(scene, 0, 2);
      scene.finish();
    },
    broken: [
      {
        breaks: "the learner that replaced a voter becomes one",
        edits: [
          {
            file: "src/raft/membership-leader.ts",
            find: "if (!isReadyToVote(s, leading, key)) continue;",
            replace: "if (!isReadyToVote(s, leading, key) || s.now >= 0) continue;",
          },
        ],
      },
    ],
  },
];
