import type { Draft } from "../mutant.ts";

/** What the node around the core promises: disk, messages, answers. */
export const DRIVER: readonly Draft[] = [
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
    find: "if (term !== entry.term) {",
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
