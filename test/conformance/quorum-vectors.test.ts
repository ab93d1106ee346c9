import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { bothVotes, majorityCommitted, majorityVote, type VoteResult } from "../../src/raft/quorum.ts";
import { parseDatadriven, type DatadrivenCase } from "./datadriven.ts";
import { findOutside } from "./outside-vectors.ts";

const CASES_BY_FILE = { joint_commit: 50, joint_vote: 39, majority_commit: 16, majority_vote: 22 };
const VOTE_NAMES: Record<VoteResult, string> = { won: "VoteWon", pending: "VotePending", lost: "VoteLost" };

interface Halves {
  readonly voters: readonly string[];
  readonly outgoing: readonly string[];
  /** All ids in order of first appearance: the order of the values. */
  readonly ids: readonly string[];
}

function halves(one: DatadrivenCase): Halves {
  const ids = (key: string): readonly string[] => (one.args.get(key) ?? []).filter((id) => id !== "zero");
  const voters = ids("cfg");
  const outgoing = ids("cfgj");
  return { voters, outgoing, ids: [...new Set([...voters, ...outgoing])] };
}

/** The values of an argument by id; `_` is nothing known. A text when their number does not fit. */
function valuesById(one: DatadrivenCase, key: string, { ids }: Halves): Map<string, string> | string {
  const values = one.args.get(key) ?? [];
  if (values.length !== ids.length)
    return `error: mismatched input (${key}) for voters [${ids.join(" ")}]: [${values.join(" ")}]`;
  return new Map(ids.map((id, at) => [id, values[at] ?? "_"] as const).filter(([, value]) => value !== "_"));
}

/** The table that the vectors print above a committed index: each id with its rank as a bar. */
function describeAcks(ids: readonly string[], acked: ReadonlyMap<string, number>): string {
  if (ids.length === 0) return "<empty majority quorum>";
  const sorted = ids.toSorted((a, b) => Number(a) - Number(b));
  const lines = sorted.map((id) => {
    const index = acked.get(id) ?? 0;
    const rank = ids.filter((other) => (acked.get(other) ?? 0) < index).length;
    const bar = acked.has(id) ? `${"x".repeat(rank)}>${" ".repeat(ids.length - rank)}` : `?${" ".repeat(ids.length)}`;
    return `${bar} ${String(index).padStart(5)}    (id=${Number(id).toString(16)})\n`;
  });
  return `${" ".repeat(ids.length)}    idx\n${lines.join("")}`;
}

function runCommitted(one: DatadrivenCase): string {
  const both = halves(one);
  const values = valuesById(one, "idx", both);
  if (typeof values === "string") return `${values}\n`;
  const acked = new Map([...values].map(([id, value]) => [id, Number(value)]));
  const ack = (id: string): number | undefined => acked.get(id);
  const incoming = majorityCommitted(both.voters, ack);
  const outgoing = majorityCommitted(both.outgoing, ack);
  const index = Math.min(incoming, outgoing);
  return `${describeAcks(both.ids, acked)}${index === Infinity ? "∞" : index}\n`;
}

function runVote(one: DatadrivenCase): string {
  const both = halves(one);
  const values = valuesById(one, "votes", both);
  if (typeof values === "string") return `${values}\n`;
  const vote = (id: string): boolean | undefined => {
    const value = values.get(id);
    return value === undefined ? undefined : value === "y";
  };
  return `${VOTE_NAMES[bothVotes(majorityVote(both.voters, vote), majorityVote(both.outgoing, vote))]}\n`;
}

function runCase(one: DatadrivenCase): string {
  if (one.command === "committed") return runCommitted(one);
  if (one.command === "vote") return runVote(one);
  throw new Error(`${one.place}: unknown command ${one.command}`);
}

describe("outside quorum vectors", () => {
  const folder = findOutside("etcd-raft/quorum");
  const files = folder === undefined ? [] : readdirSync(folder).toSorted();
  const counts = new Map<string, number>();
  for (const file of files) {
    const cases = parseDatadriven(file, readFileSync(join(folder ?? "", file), "utf8"));
    counts.set(file.replace(/\.txt$/, ""), cases.length);
    for (const one of cases) {
      test(`quorum vector ${one.place} gives the expected bytes`, () => {
        expect(runCase(one)).toBe(one.expected);
      });
    }
  }

  test.skipIf(folder === undefined)("quorum vectors are 127 in 4 files", () => {
    expect(Object.fromEntries(counts)).toEqual(CASES_BY_FILE);
    const sum = [...counts.values()].reduce((a, b) => a + b, 0);
    process.stdout.write(`quorum vectors: ${sum} of 127\n`);
    expect(sum).toBe(127);
  });
});
