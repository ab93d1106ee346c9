import type { Draft } from "../mutant.ts";

const CORE: readonly Draft[] = [
  {
    breaks: "a vote that comes twice counts once",
    file: "src/raft/election.ts",
    find: "  s.campaign.votes.set(from, isGranted);\n",
    replace:
      "  const other = [...otherVoters(s)].find((key) => !s.campaign.votes.has(key));\n" +
      "  s.campaign.votes.set(s.campaign.votes.has(from) ? (other ?? from) : from, isGranted);\n",
  },
  {
    breaks: "all that was acknowledged is there after a restart",
    file: "src/node/raft-node.ts",
    find: "log: stored,",
    replace: "log: { ...stored, entries: stored.entries.slice(0, -10) },",
  },
  {
    breaks: "the match of a follower never falls",
    file: "src/raft/progress.ts",
    find: "    if (match <= this.match) return false;\n    this.match = match;",
    replace: "    this.match = match;",
  },
  {
    breaks: "commits are counted over the membership in force, not over the one before (rule 39)",
    file: "src/raft/commit.ts",
    find: "committedIndex(s.members.effective.membership, acked)",
    replace: "committedIndex(s.members.committed.membership, acked)",
  },
  {
    breaks: "elections are counted over the membership in force, not over the one before (rule 39)",
    file: "src/raft/election.ts",
    find: "voteResult(s.members.effective.membership,",
    replace: "voteResult(s.members.committed.membership,",
  },
  {
    breaks: "learners do not count towards a commit",
    file: "src/raft/commit.ts",
    find: "const index = committedIndex(s.members.effective.membership, acked);",
    replace:
      "const { voters, learners, outgoing } = s.members.effective.membership;\n" +
      "  const index = committedIndex({ voters: [...voters, ...learners], outgoing }, acked);",
  },
  {
    breaks: "learners do not count towards a read (rule 70)",
    file: "src/raft/read-index.ts",
    find: "const round = committedIndex(s.members.effective.membership, acked);",
    replace:
      "const { voters, learners } = s.members.effective.membership;\n" +
      "  const round = Math.max(...[...voters, ...learners].filter((key) => key !== s.self || voters.length === 1).map((key) => acked(key) ?? 0));",
  },
  {
    breaks: "an entry is applied once",
    file: "src/node/applier.ts",
    find: "committedEntries(this.applied + 1, bytesMax)",
    replace: "committedEntries(Math.max(1, this.applied), bytesMax)",
  },
  {
    breaks: "no entry is skipped",
    file: "src/node/applier.ts",
    find: "      if (!this.#applyOne(entry)) return false;",
    replace: "      if (entry.index % 50 !== 0 && !this.#applyOne(entry)) return false;",
  },
  {
    breaks: "a sole voter, too, reads only behind an entry of its own term (rule 68)",
    file: "src/raft/read-index.ts",
    find: "if (leading.reads.length === 0 || !hasCommittedOwnTerm(s, leading)) return;",
    replace:
      "const isSole = s.members.effective.membership.voters.length === 1;\n" +
      "  if (leading.reads.length === 0 || (!isSole && !hasCommittedOwnTerm(s, leading))) return;",
  },
  {
    breaks: "what is meant for another pair is dropped (rule 52)",
    file: "src/raft/admit.ts",
    find: '  if (message.to !== s.self) return "meant for another pair";\n',
    replace: "",
  },
  {
    breaks: "the payload of an entry is checked when it is taken",
    file: "src/raft/append-follower.ts",
    find: "if (!isSound(append, s.log.base)) {",
    replace: "if (!isSound(append, s.log.base) && s.now < 0) {",
  },
  {
    breaks: "a learner becomes a voter only once it has caught up (rule 46)",
    file: "src/raft/membership-leader.ts",
    find: "const isFit = progress?.isCaughtUp === true && progress.contact",
    replace: "const isFit = progress !== undefined && progress.contact",
  },
  {
    breaks: "a removed node that nobody told cannot depose a leader (rule 53)",
    file: "src/raft/admit.ts",
    find: "if (at === undefined || to === s.leader) return false;",
    replace: "if (at === undefined || at > 0) return false;",
    also: {
      file: "src/raft/voter.ts",
      find: '    s.out.mark("vote-ignored-for-leader");\n    return;',
      replace: '    becomeFollower(s, Math.max(term, s.hard.term), "disturbed");',
    },
  },
];

const APPLICATION: readonly Draft[] = [
  {
    breaks: "TTLs are counted by a clock that nobody sets",
    file: "src/replica/session-keeper.ts",
    find: "new AttendedClock(options.clock)",
    replace: "new AttendedClock({ ...options.clock, now: () => options.clock.wall() })",
  },
];

/** Mutants that were added later, in the order of their numbers. */
export const LATER: readonly Draft[] = [...CORE, ...APPLICATION.map((draft) => ({ ...draft, isFull: true }))];
