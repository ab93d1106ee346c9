/** What answers for a rule or a planted bug: mutants that the simulator must catch, or why there is none. */
export type Answer = { readonly mutants: readonly number[] } | { readonly reason: string };

function by(...mutants: readonly number[]): Answer {
  return { mutants };
}

function none(reason: string): Answer {
  return { reason };
}

/** The bugs that a simulator worth its name finds when they are planted, in the order of the list they come from. */
export const PLANTED_BUGS: readonly (readonly [bug: string, answer: Answer])[] = [
  ["a duplicate vote is counted twice", by(71)],
  ["a vote without the check for an up-to-date log", by(6, 7)],
  ["entries of old terms are committed by counting (Figure 8)", by(12)],
  ["a stale append truncates", by(17)],
  ["the last acknowledged entries are lost in a crash", by(72)],
  ["a vote is lost in a crash", by(2)],
  ["the term is not persisted", by(3)],
  ["acknowledged before fsync", by(13, 14, 45)],
  ["a reply before the hard state is synced", by(1)],
  ["no entry of its own at the start of a term", by(22)],
  ["lease reads without a margin for drift", none("there are no lease reads: every read has a round of a quorum")],
  ["a read index without a round of a quorum", by(40)],
  ["a read index confirmed by a heartbeat sent before the read", by(39)],
  ["a stale read after a pause", by(39, 40)],
  ["the commit index is taken from the leader beyond what was compared", by(16)],
  ["the next index falls below what matches", by(20)],
  ["the match index moves back", by(73)],
  ["a snapshot overwrites a newer log", by(30, 31)],
  ["a snapshot without the membership", by(32, 33)],
  ["an install that is not atomic with the log's reset", by(34, 35)],
  ["a membership in force at its commit instead of its append", by(74, 75)],
  ["two changes of the membership at once", by(24)],
  ["a change of the membership before the first commit of the term", by(23)],
  ["a removed node disturbs", by(84)],
  ["a learner is counted in a quorum", by(76, 77)],
  ["a commit by the old quorum", by(26, 74)],
  ["applied twice after a restart", by(78)],
  ["an entry is skipped", by(79)],
  ["the table of idempotency keys is not in the snapshot", by(65)],
  ["TTLs by the wall clock", by(85)],
  [
    "a follower decides that a session ended",
    none("a follower's write is refused, so what it decides changes nothing"),
  ],
  ["the lock delay is lost at a failover", by(62)],
  ["a watch wakes before its change is applied", none("watchers are woken by apply itself: there is no other place")],
  ["a lost wake-up", by(66, 67)],
  ["an index header ahead of the data", none("the header is made above what is simulated: tests of src/http")],
  ["compare-and-set with a stale index", by(70)],
  ["a recursive delete that is not atomic", none("it is one log entry: tests of src/fsm")],
  ["an fsync is tried again after it failed", by(47)],
  ["a log that is silently shorter votes", by(72, 101)],
  ["a payload is not checked", by(82)],
];

/** The rules of Raft that are worth a mutant, by their numbers. */
export const STARRED_RULES: ReadonlyMap<number, Answer> = new Map([
  [1, by(1, 2, 3)],
  [2, by(2, 5)],
  [4, by(4)],
  [7, by(8)],
  [13, by(9)],
  [17, by(10)],
  [19, by(12)],
  [20, by(13)],
  [21, by(14, 45)],
  [22, by(15)],
  [23, by(16)],
  [25, by(17)],
  [26, none("the assertion is a second line: no fault reaches it while the other rules hold")],
  [30, none("acknowledged entries stay on a disk as long as its pair lives: a wiped disk is another pair")],
  [31, by(19)],
  [34, none("messages are made in the step that decides them: no other task could read a newer term")],
  [38, by(23, 24)],
  [44, by(28)],
  [46, by(83)],
  [50, by(81, 101)],
  [52, by(81)],
  [55, by(30)],
  [58, by(34, 35)],
  [62, none("what breaks is time, not truth: transfers begin again and again, and end when the load does")],
  [67, by(22, 38)],
  [68, by(80)],
  [69, by(39)],
  [70, by(40, 77)],
  [72, none("there are no lease reads")],
  [73, none("there are no lease reads")],
  [78, by(42)],
  [80, by(43)],
]);
