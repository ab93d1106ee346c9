import { EQUIVALENT } from "./equivalent.ts";
import { FORGETTING } from "./forgetting.ts";
import { LATER } from "./later.ts";
import type { Draft, Mutant } from "./mutant.ts";
import { NEMESIS_FOR, QUICK_SEEDS } from "./quick-seeds.ts";
import { STARTS } from "./starts.ts";
import { VERSIONS } from "./versions.ts";

const ELECTIONS: readonly Draft[] = [
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

const REPLICATION: readonly Draft[] = [
  {
    breaks: "only entries of the own term are counted (rule 19, Figure 8)",
    file: "src/raft/commit.ts",
    find: "if (index <= s.commit || s.log.termAt(index) !== s.hard.term) return;",
    replace: "if (index <= s.commit) return;",
  },
  {
    breaks: "the leader counts itself when its disk has it (rule 20)",
    file: "src/raft/commit.ts",
    find: "return s.duplicates.has(s.self) ? 0 : s.durability.index;",
    replace: "return s.log.lastIndex;",
  },
  {
    breaks: "a follower acknowledges what is durable (rule 21)",
    file: "src/raft/append-follower.ts",
    find: "{ to, durableTo: match },",
    replace: "{ to },",
  },
  {
    breaks: "an old completion does not make an overwritten entry durable (rule 22)",
    file: "src/raft/durability.ts",
    find: "for (const pending of this.#pending) pending.appendTo = Math.min(pending.appendTo, from - 1);",
    replace: "",
  },
  {
    breaks: "a follower commits no more than was compared (rule 23)",
    file: "src/raft/append-follower.ts",
    find: "commitTo(s, Math.min(append.commit, matched));",
    replace: "commitTo(s, Math.min(append.commit, s.log.lastIndex));",
  },
  {
    breaks: "only a real conflict truncates (rule 25)",
    file: "src/raft/append-follower.ts",
    find: "if (log.termAt(entry.index) !== entry.term) break;",
    replace: "break;",
  },
  {
    breaks: "the entry before the first one is compared",
    file: "src/raft/append-follower.ts",
    find: "if (prevIndex >= log.base.index && prevIndex > 0) {",
    replace: "if (prevIndex >= log.base.index && prevIndex < 0) {",
  },
  {
    breaks: "a commit needs a majority (rule 31)",
    file: "src/raft/quorum.ts",
    find: "return sorted[count - quorumSize(count)] ?? 0;",
    replace: "return sorted[count - 1] ?? 0;",
  },
  {
    breaks: "next is above match after a refusal (rule 29)",
    file: "src/raft/progress.ts",
    find: "this.next = Math.max(next, this.match + 1);",
    replace: "this.next = Math.max(1, next - 1);",
  },
  {
    breaks: "what is applied is durable here",
    file: "src/raft/core.ts",
    find: "const to = Math.min(commit, durability.index) + 1;",
    replace: "const to = Math.max(commit, durability.index) + 1;",
  },
  {
    breaks: "a leader begins with an entry of its own (rule 37)",
    file: "src/raft/leader.ts",
    find: 'appendOwn(s, leading, "noop", [NO_DATA]);',
    replace: "",
  },
];

const MEMBERSHIP: readonly Draft[] = [
  {
    breaks: "a change waits for an entry of the own term (rule 38)",
    file: "src/raft/change-gate.ts",
    find: "if (!hasCommittedOwnTerm(s, leading)) {",
    replace: "if (!hasCommittedOwnTerm(s, leading) && s.now < 0) {",
  },
  {
    breaks: "one change at a time (rule 38)",
    file: "src/raft/change-gate.ts",
    find: "if (effective !== committed) {",
    replace: "if (effective !== committed && s.now < 0) {",
  },
  {
    breaks: "a truncated membership is not in force (rule 39)",
    file: "src/raft/append-follower.ts",
    find: "if (s.members.truncate(from)) publishMembership(s);",
    replace: "",
  },
  {
    breaks: "commits need both halves of a joint membership (rule 41)",
    file: "src/raft/quorum.ts",
    find: "return Math.min(incoming, majorityCommitted(membership.outgoing, acked));",
    replace: "return incoming;",
  },
  {
    breaks: "several voters change through a joint membership only",
    file: "src/raft/role-change.ts",
    find: "if (countChangedVoters(roles.voters, draft.voters) > 1) {",
    replace: "if (countChangedVoters(roles.voters, draft.voters) > 9) {",
  },
  {
    breaks: "a leader that was removed stops (rule 44)",
    file: "src/raft/membership-leader.ts",
    find: "else stopLeading(s, leading);",
    replace: "",
  },
  {
    breaks: "joint is left without being asked (rule 42)",
    file: "src/raft/membership-leader.ts",
    find: "appendMembership(s, leading, encodeMembership(leaveJoint(s.members.effective.membership)));",
    replace: "if (s.now >= 0) return;",
  },
];

const SNAPSHOTS: readonly Draft[] = [
  {
    breaks: "an entry that the snapshot ends in keeps what follows it (rule 55)",
    file: "src/raft/snapshot-follower.ts",
    find: "if (known?.term === meta.term) {",
    replace: "if (known?.term === meta.term && s.now < 0) {",
  },
  {
    breaks: "a snapshot below the commit index is ignored (rule 56)",
    file: "src/raft/snapshot-follower.ts",
    find: "if (meta.index > s.commit) take(s, meta, from);",
    replace: "take(s, meta, from);",
  },
  {
    breaks: "the snapshot's membership comes into force (rule 57)",
    file: "src/raft/snapshot-follower.ts",
    find: "s.members.reset({ index: membershipIndex, membership });",
    replace: "if (membershipIndex < 0) s.members.reset({ index: membershipIndex, membership });",
  },
  {
    breaks: "a snapshot carries the membership of its own index (rule 63)",
    file: "src/node/snapshot-taker.ts",
    find: "const inForce = driver.core.membershipAt(index);",
    replace:
      "const inForce = { membership: driver.core.status().membership, index: driver.core.status().membershipIndex };",
  },
  {
    breaks: "an install that a crash cut off is finished (rule 58)",
    file: "src/node/boot.ts",
    find: "mustReset: isUnfinishedInstall(meta, stored)",
    replace: "mustReset: isUnfinishedInstall(meta, stored) && meta.index < 0",
  },
  {
    breaks: "the state is restored when the log's reset is durable (rule 58)",
    file: "src/node/turn.ts",
    find: "if (install === undefined || install.ticket > ticket) return;",
    replace: "if (install === undefined) return;",
  },
  {
    breaks: "a failed transfer is tried again (rule 61)",
    file: "src/raft/snapshot-leader.ts",
    find: "progress.isSendingSnapshot = false;",
    replace: "",
  },
  {
    breaks: "the log is kept behind the oldest snapshot",
    file: "src/node/snapshot-taker.ts",
    find: "Math.min(oldest?.index ?? 0, trailing)",
    replace: "lastIndex",
  },
];

const READS: readonly Draft[] = [
  {
    breaks: "reads wait for a commit of the own term (rules 67, 68)",
    file: "src/raft/read-index.ts",
    find: "const index = hasCommittedOwnTerm(s, leading) ? s.commit : undefined;",
    replace: "const index = s.commit;",
  },
  {
    breaks: "only rounds that are sent after the read count (rule 69)",
    file: "src/raft/read-index.ts",
    find: "leading.reads.push({ ...read, index, round: leading.round + 1 });",
    replace: "leading.reads.push({ ...read, index, round: leading.round - 1 });",
  },
  {
    breaks: "reads need a quorum (rule 70)",
    file: "src/raft/read-index.ts",
    find: "if (read.round > round) break;",
    replace: "if (read.round > round + 1e9) break;",
  },
  {
    breaks: "a read is served at its index, not before (rule 71)",
    file: "src/node/reads.ts",
    find: "const due = this.#confirmed.filter(({ index }) => index <= applied);",
    replace: "const due = this.#confirmed.filter(({ index }) => index >= 0);",
  },
];

const DRIVER: readonly Draft[] = [
  {
    breaks: "a transfer ends at its deadline (rule 78)",
    file: "src/raft/transfer.ts",
    find: "if (s.now >= transfer.deadline || progress === undefined || !isVoter(s, transfer.to)) {",
    replace: "if (progress === undefined) {",
  },
  {
    breaks: "what was appended is never called refused (rule 80)",
    file: "src/node/proposals.ts",
    find: "this.#appended.delete(index);\n    this.#unknown(waiting, reason);",
    replace: 'this.#appended.delete(index);\n    this.#refuse(waiting.done, { kind: "overloaded" });',
  },
  {
    breaks: "another term's entry is not the proposal's",
    file: "src/node/proposals.ts",
    find: "if (waiting.term !== entry.term) {",
    replace: "if (waiting.term < 0) {",
  },
  {
    breaks: "a message waits for its ticket (rule 21)",
    file: "src/node/outbox.ts",
    find: "if (after === undefined || after <= this.#durableTicket) this.#ready.push(message);",
    replace: "if (after === undefined || after >= 0) this.#ready.push(message);",
  },
  {
    breaks: "operations reach the disk in order",
    file: "src/node/disk.ts",
    find: "this.#waiting.push(persist);",
    replace: "this.#waiting.unshift(persist);",
  },
  {
    breaks: "a failed sync is never tried again (rule 35)",
    file: "src/node/disk.ts",
    find: "this.#events.onUntrusted(result.error.message);",
    replace: "this.#isBroken = false;\n      this.#write(batch, commitHint);",
  },
  {
    breaks: "a full disk is tried again",
    file: "src/node/disk.ts",
    find: "this.#clock.at(this.#clock.now() + FULL_RETRY_MS, () => this.#write(batch, commitHint));",
    replace: "this.#isBusy = false;",
  },
  {
    breaks: "nothing is applied while a snapshot is being installed (rule 59)",
    file: "src/node/turn.ts",
    find: "this.#applier.isPaused = true;",
    replace: "",
  },
  {
    breaks: "a read that failed rests before it is asked again",
    file: "src/node/reads.ts",
    find: "if (hasLeader) this.#resting.push(...readers);",
    replace: "if (hasLeader) this.#waiting.push(...readers);",
  },
];

/** What stands above the node. */
const APPLICATION: readonly Draft[] = [
  {
    breaks: "a session is renewed only by a leader that a quorum confirmed",
    file: "src/replica/session-keeper.ts",
    find: "const failure = await confirm();",
    replace: "const failure = await Promise.resolve<Awaited<ReturnType<typeof confirm>>>(undefined);",
  },
  {
    breaks: "a heartbeat is answered only by a leader that a quorum confirmed",
    file: "src/replica/registry.ts",
    find: "const failure = await confirm();",
    replace: "const failure = await Promise.resolve<Awaited<ReturnType<typeof confirm>>>(undefined);",
  },
  {
    breaks: "a pause of the leader is not charged to its clients",
    file: "src/replica/attended-clock.ts",
    find: "return this.#base + Math.min(this.#clock.now() - this.#lastTick, TICK_MS_MAX);",
    replace: "return this.#base + (this.#clock.now() - this.#lastTick);",
  },
  {
    breaks: "a renewal waits while the end of its session is decided",
    file: "src/replica/session-keeper.ts",
    find: "await this.#ending.get(id);",
    replace: "",
  },
  {
    breaks: "a session whose end may still come is not renewed",
    file: "src/replica/session-keeper.ts",
    find: 'if (this.#doomed.has(id)) return { kind: "failed", failure: { kind: "timeout" } };',
    replace: "",
  },
  {
    breaks: "a new leader gives sessions their full TTL",
    file: "src/replica/session-keeper.ts",
    find: "      this.#renewals.clear();",
    replace: "",
  },
  {
    breaks: "a new leader gives instances their full TTL",
    file: "src/replica/registry.ts",
    find: "    this.#heard.clear();\n    if (this.#leadingTerm === undefined) return;",
    replace: "    if (this.#leadingTerm === undefined || this.#heard.size > 0) return;",
  },
  {
    breaks: "who leads again after somebody else is a new leader, for sessions",
    file: "src/replica/session-keeper.ts",
    find: "if (term !== this.#leading?.term) {",
    replace: "if ((term === undefined) !== (this.#leading === undefined)) {",
  },
  {
    breaks: "the end of an instance that changed in between is void",
    file: "src/fsm/services/service-apply.ts",
    find: "if (row === undefined || (ifIndex !== undefined && ifIndex !== row.modifyIndex)) missing += 1;",
    replace: "if (row === undefined) missing += 1;",
  },
  {
    breaks: "a held lock is not taken",
    file: "src/fsm/sessions/session-apply.ts",
    find: 'if (holder !== "" && holder !== session) return { kind: "lock-held", session: holder };',
    replace: "",
  },
  {
    breaks: "a session that ended takes no lock",
    file: "src/fsm/sessions/session-apply.ts",
    find: 'if (sessions.get(utf8(session)) === undefined) return { kind: "session-not-found" };',
    replace: "",
  },
  {
    breaks: "the lock delay holds",
    file: "src/fsm/sessions/session-apply.ts",
    find: 'if (holder === "" && until > time) return { kind: "lock-delayed", remainingMs: until - time };',
    replace: "",
  },
  {
    breaks: "fencing tokens rise, also when a key was deleted in between",
    file: "src/fsm/sessions/session-apply.ts",
    find: "const lockIndex = holder === session ? (row?.lock?.index ?? index) : index;",
    replace: "const lockIndex = holder === session ? (row?.lock?.index ?? 1) : (row?.lock?.index ?? 0) + 1;",
  },
  {
    breaks: "what is repeated under an idempotency key is done once",
    file: "src/fsm/once/once-apply.ts",
    find: "if (known !== undefined) return known.digest",
    replace: "if (known !== undefined && time < 0) return known.digest",
  },
  {
    breaks: "idempotency keys are part of the state",
    file: "src/fsm/once/once-apply.ts",
    find: "    this.#ages = new Map(rows.toSorted(",
    replace: "    for (const [key] of rows) this.#rows.delete(utf8(key));\n    this.#ages = new Map(rows.toSorted(",
  },
  {
    breaks: "a change wakes who waits for its key",
    file: "src/replica/watchers.ts",
    find: "    wakeEach(this.#byKey.get(key));",
    replace: "",
  },
  {
    breaks: "a change wakes who waits for its prefix",
    file: "src/replica/watchers.ts",
    find: "if (length <= key.length) wakeEach(",
    replace: "if (length > key.length) wakeEach(",
  },
  {
    breaks: "a restored state makes the feed of changes begin anew",
    file: "src/fsm/feed/change-feed.ts",
    find: "    this.#floor = { index, sub: Infinity };\n    this.#index",
    replace: "    this.#index",
  },
  {
    breaks: "dropped changes are said to be dropped",
    file: "src/fsm/feed/change-feed.ts",
    find: "      this.#floor = { index, sub };",
    replace: "",
  },
  {
    breaks: "compare-and-set compares the current index",
    file: "src/fsm/kv/kv-apply.ts",
    find: 'if (command.cas !== undefined && command.cas !== current) return { kind: "cas-conflict", modifyIndex: current };',
    replace: "",
  },
];

/** Numbered from 1. Append only, so that a number keeps its meaning. */
const NUMBERED: readonly Mutant[] = [
  ...ELECTIONS,
  ...REPLICATION,
  ...MEMBERSHIP,
  ...SNAPSHOTS,
  ...READS,
  ...DRIVER,
  ...APPLICATION.map((draft) => ({ ...draft, isFull: true })),
  ...LATER,
].map((draft, place) => ({ ...draft, number: place + 1, seeds: [] }));

export const MUTANTS: readonly Mutant[] = [...NUMBERED, ...FORGETTING, ...VERSIONS, ...STARTS]
  .filter(({ number }) => !EQUIVALENT.has(number))
  .map((mutant) => ({
    ...mutant,
    nemesis: NEMESIS_FOR.get(mutant.number),
    seeds: QUICK_SEEDS.get(mutant.number) ?? mutant.seeds,
  }));
