import type { Draft } from "../mutant.ts";

/** Terms, votes and who may campaign. */
export const ELECTIONS: readonly Draft[] = [
  {
    breaks: "a message leaves only when its term and vote are durable (rule 1)",
    file: "src/raft/out.ts",
    find: "const send = durability.isTermDurable ? this.#send : this.#send.map((sent) => waitFor(sent, durability.hardTicket));",
    replace: "const send = this.#send;",
  },
  {
    breaks: "the vote is stored with the term (rule 2)",
    file: "src/raft/send.ts",
    find: "s.out.hard(hard);",
    replace: "s.out.hard({ term: hard.term, vote: undefined });",
  },
  {
    breaks: "the term is stored at all (rule 1)",
    file: "src/raft/send.ts",
    find: "s.out.hard(hard);",
    replace: "",
  },
  {
    breaks: "a new term begins without a vote (rule 4)",
    file: "src/raft/follower.ts",
    find: "setHard(s, { term, vote: undefined });",
    replace: "setHard(s, { term, vote: s.hard.vote });",
  },
  {
    breaks: "one vote a term (rule 2)",
    file: "src/raft/voter.ts",
    find: "const isFree = vote === from || (vote === undefined && s.leader === undefined);",
    replace: "const isFree = true;",
  },
  {
    breaks: "votes only for logs that are as good (rule 3)",
    file: "src/raft/election.ts",
    find: "return lastTerm === s.log.lastTerm ? lastIndex >= s.log.lastIndex : lastTerm > s.log.lastTerm;",
    replace: "return lastIndex >= 0;",
  },
  {
    breaks: "logs compare by term first, then by index (rule 3)",
    file: "src/raft/election.ts",
    find: "return lastTerm === s.log.lastTerm ? lastIndex >= s.log.lastIndex : lastTerm > s.log.lastTerm;",
    replace: "return lastIndex >= s.log.lastIndex;",
  },
  {
    breaks: "a request of an older term is answered (rule 7)",
    file: "src/raft/receive.ts",
    find: 'send(s, { to: from }, { kind: "stale-term" });',
    replace: "",
  },
  {
    breaks: "a leader without contact to a quorum steps down (rule 13)",
    file: "src/raft/timers.ts",
    find: "if (s.now >= leading.quorumCheckFrom && !hasContact(s, leading)) {",
    replace: "if (s.now >= leading.quorumCheckFrom && !hasContact(s, leading) && s.now < 0) {",
  },
  {
    breaks: "a voter of the committed membership may campaign (rule 17)",
    file: "src/raft/election.ts",
    find: "if (!isVoterOf(s, effective.membership) && !isVoterOf(s, committed.membership)) return false;",
    replace: "if (!isVoterOf(s, effective.membership)) return false;",
  },
  {
    breaks: "an election needs a majority",
    file: "src/raft/quorum.ts",
    find: 'if (granted >= needed) return "won";',
    replace: 'if (granted + 1 >= needed) return "won";',
  },
];
