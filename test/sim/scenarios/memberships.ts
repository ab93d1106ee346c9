import { expect } from "bun:test";
import type { Scenario } from "./scenario.ts";

/** Changes of members, and what crashes leave of them. */
export const MEMBERSHIPS: readonly Scenario[] = [
  {
    attack: "4.1",
    claim: "a removal that the rest could not commit is refused, and writes go on",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      scene.crash(2);
      scene.run(50);
      expect(scene.changed(0, { kind: "remove", key: scene.key(1) })).toBe("refused");
      scene.mustWrite(0, 3);
      scene.finish();
    },
    broken: [
      {
        breaks: "a quorum of the resulting voters is in contact",
        edits: [
          {
            file: "src/raft/change-gate.ts",
            find: "if (hasQuorum(next, isInContact)) return undefined;",
            replace: "if (hasQuorum(next, isInContact) || s.now >= 0) return undefined;",
          },
        ],
      },
    ],
  },
  {
    attack: "4.2",
    claim: "a joint membership is left by whoever leads next",
    setup: { hosts: 5, voters: 5 },
    play: (scene) => {
      scene.lead(0);
      scene.host(3).wish = "learner";
      scene.host(4).wish = "learner";
      const before = scene.status(0).lastIndex;
      scene.change(0, { kind: "demote", key: scene.key(3) }, { kind: "demote", key: scene.key(4) });
      scene.until("the joint membership is on all disks", () =>
        scene.others(0).every(({ log }) => log.image.lastIndex > before),
      );
      // Their acknowledgements are on the way: the leader never hears that it is committed.
      scene.crash(0);
      const leader = scene.elect(scene.others(0));
      scene.until("the joint membership is left", () => {
        const { committedMembership } = scene.status(leader);
        return committedMembership.outgoing.length === 0 && committedMembership.voters.length === 3;
      });
      scene.finish();
    },
    broken: [
      {
        breaks: "leaving follows from the state, not from the request",
        edits: [
          {
            file: "src/raft/membership-leader.ts",
            find: "  if (effective.membership.outgoing.length > 0) {\n    leaveJointState",
            replace:
              "  if (effective.membership.outgoing.length > 0) {\n    if (leading.change !== undefined) leaveJointState",
          },
        ],
      },
    ],
  },
  {
    attack: "4.3",
    claim: "after a restart the last membership is in force and the one before it is committed",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      const before = scene.status(0).lastIndex;
      scene.isolate(0);
      scene.change(0, { kind: "demote", key: scene.key(2) });
      scene.until("the change is on the leader's disk", () => scene.host(0).log.image.lastIndex > before);
      scene.crash(0);
      scene.restart(0);
      scene.until("it runs again", () => scene.host(0).process?.node !== undefined);
      expect(scene.status(0).membership.voters).toHaveLength(2);
      expect(scene.status(0).committedMembership.voters).toHaveLength(3);
      scene.mustWrite(scene.elect(scene.others(0)), 3);
      scene.heal();
      scene.until("the change is taken back", () => scene.status(0).membership.voters.length === 3);
      scene.finish();
    },
    broken: [
      {
        breaks: "only the last membership of a log can be uncommitted",
        edits: [
          {
            file: "src/raft/membership-history.ts",
            find: "this.#points.at(-2) ?? this.#points[0]",
            replace: "this.#points.at(-1) ?? this.#points[0]",
          },
        ],
      },
    ],
  },
  {
    attack: "4.4",
    claim: "a sole voter that dies before its vote is on disk has told its learner nothing of the new term",
    setup: { hosts: 2, voters: 1 },
    play: (scene) => {
      scene.host(1).wish = "learner";
      expect(scene.elect()).toBe(0);
      const member = { ...scene.member(1), nonVoter: true };
      expect(scene.changed(0, { kind: "add-learner", member })).toBe("ok");
      scene.mustWrite(0, 3);
      for (let round = 0; round < 5; round += 1) {
        scene.crash(0);
        scene.host(0).traps.clear();
        scene.restart(0);
        const target = { kind: "host", number: 0 } as const;
        scene.host(0).traps.setSync({ kind: "crash-at-sync", target, countdown: 0, moment: "before", downMs: 1 });
        scene.run(200);
        scene.mustWrite(scene.elect());
      }
      scene.finish();
    },
    broken: [
      {
        breaks: "the own vote counts when it is durable, and what is sent in its term waits for it",
        edits: [
          {
            file: "src/raft/election.ts",
            find: "  campaign.ownVoteTicket = s.durability.hardTicket;\n",
            replace:
              "  campaign.votes.set(s.self, true);\n  settleCampaign(s);\n  if (s.leading !== undefined) return;\n",
          },
          {
            file: "src/raft/out.ts",
            find: "const send = durability.isTermDurable ? this.#send : this.#send.map((sent) => waitFor(sent, durability.hardTicket));",
            replace: "const send = this.#send;",
          },
        ],
      },
    ],
  },
  {
    attack: "4.5",
    claim: "a node that was removed is told so and never campaigns again",
    setup: { hosts: 3, voters: 3 },
    play: (scene) => {
      scene.lead(0);
      scene.host(2).wish = "absent";
      const { term } = scene.status(0);
      expect(scene.changed(0, { kind: "remove", key: scene.key(2) })).toBe("ok");
      scene.until("it knows", () => scene.status(2).role === "removed", 1000);
      const before = scene.sent.length;
      scene.run(20_000);
      const campaigns = scene.sent.slice(before).filter(({ kind }) => kind === "pre-vote" || kind === "vote");
      expect(campaigns).toHaveLength(0);
      expect(scene.status(0).term).toBe(term);
      scene.finish();
    },
    broken: [
      {
        breaks: "who was told that it is out stays out",
        edits: [{ file: "src/raft/admit.ts", find: "  s.isRetired = true;\n", replace: "" }],
      },
    ],
  },
];
