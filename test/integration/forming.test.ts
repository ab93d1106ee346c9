import { describe, expect, test } from "bun:test";
import {
  encodeAdmissionAnswer,
  encodeStanding,
  form,
  type AdmissionAnswer,
  type Formed,
  type PeerCalls,
  type StandingAnswer,
} from "../../src/cluster/index.ts";
import { createManualClock, type ManualClock } from "../../src/node/testing/manual-clock.ts";
import { memberOf } from "../../src/raft/testing/fixtures.ts";

const self = memberOf("n1", { address: "h1:1", admitted: 0 });

type Reply = Partial<StandingAnswer> | AdmissionAnswer | "silent";

interface Given {
  readonly clock: ManualClock;
  readonly formed: Formed[];
  readonly notes: string[];
  readonly asked: string[];
  /** What an address answers from now on. */
  readonly answers: Map<string, Reply>;
}

function given(options: {
  readonly isBootstrap: boolean;
  readonly joinAddresses: readonly string[];
  readonly answers?: Readonly<Record<string, Reply>>;
}): Given {
  const clock = createManualClock();
  const answers = new Map<string, Reply>(Object.entries(options.answers ?? {}));
  const [formed, notes, asked]: [Formed[], string[], string[]] = [[], [], []];
  const calls: PeerCalls = {
    call: () => undefined,
    ask: (address, { method }, done) => {
      asked.push(`${method} ${address}`);
      clock.at(clock.now() + 10, () => {
        const reply = answers.get(address) ?? "silent";
        if (reply === "silent") return done({ kind: "not-sent", reason: "no answer" }, undefined);
        const standing: StandingAnswer = {
          standing: "pristine",
          clusterId: "",
          key: "x~1",
          isBootstrapping: false,
          expect: 0,
          formation: "",
          isProposer: false,
          leaderAddress: "",
        };
        const body = "kind" in reply ? encodeAdmissionAnswer(reply) : encodeStanding({ ...standing, ...reply });
        done({ kind: "answer", body }, { key: "x~1", address, clusterId: "" });
      });
    },
  };
  form(
    {
      clock,
      random: () => 0.5,
      calls,
      self,
      note: (message) => void notes.push(message),
      expect: 0,
      formerCluster: "",
      formations: { read: () => undefined, write: () => undefined },
      isBootstrap: options.isBootstrap,
      joinAddresses: () => options.joinAddresses,
    },
    (result) => void formed.push(result),
  );
  return { clock, formed, notes, asked, answers };
}

const admitted: AdmissionAnswer = {
  kind: "admitted",
  clusterId: "0".repeat(32),
  epoch: { counter: 1, random: "00000000" },
};

describe("form()", () => {
  test("bootstrap without join addresses creates a cluster", () => {
    expect(given({ isBootstrap: true, joinAddresses: [] }).formed).toEqual([{ kind: "create" }]);
  });

  test("without bootstrap and join addresses a node waits for an invitation, and says how to get one", () => {
    const { clock, formed, notes } = given({ isBootstrap: false, joinAddresses: [] });
    clock.advance(60_000);
    expect(formed).toEqual([]);
    expect(notes[0]).toContain("cluster join --address h1:1");
  });

  test("silence is never taken for absence: a bootstrap waits until every address answered", () => {
    const { clock, formed, notes, answers } = given({
      isBootstrap: true,
      joinAddresses: ["h2:1", "h3:1"],
      answers: { "h2:1": {} },
    });
    clock.advance(100_000);
    expect(formed).toEqual([]);
    expect(notes.length).toBeGreaterThan(5);
    expect(notes[0]).toContain("h3:1");
    expect(notes[0]).not.toContain("h2:1");
    answers.set("h3:1", {});
    clock.advance(5_000);
    expect(formed).toEqual([{ kind: "create" }]);
  });

  test("an address that belongs to a cluster is joined instead, whatever bootstrap says", () => {
    const { clock, formed, asked, answers } = given({
      isBootstrap: true,
      joinAddresses: ["h2:1", "h3:1"],
      answers: { "h2:1": { standing: "member", clusterId: "0".repeat(32) } },
    });
    clock.advance(50);
    answers.set("h2:1", admitted);
    clock.advance(60_000);
    expect(formed).toEqual([{ kind: "joined", clusterId: admitted.clusterId, epoch: admitted.epoch }]);
    expect(asked).toContain("admit h2:1");
  });

  test("two nodes that were both told to bootstrap stop, with both names", () => {
    const { clock, formed } = given({
      isBootstrap: true,
      joinAddresses: ["h2:1"],
      answers: { "h2:1": { isBootstrapping: true, key: "n2~2" } },
    });
    clock.advance(50);
    expect(formed).toMatchObject([{ kind: "stop", reason: expect.stringMatching(/n1.*n2~2/) }]);
  });

  test("a joining node tries every address, follows the hint to the leader, and never gives up", () => {
    const { clock, formed, asked, answers } = given({
      isBootstrap: false,
      joinAddresses: ["h2:1", "h3:1"],
      answers: { "h3:1": { kind: "ask-leader", address: "h9:1" } },
    });
    clock.advance(600_000);
    expect(formed).toEqual([]);
    expect(asked.slice(0, 3)).toEqual(["admit h2:1", "admit h3:1", "admit h9:1"]);
    answers.set("h9:1", admitted);
    clock.advance(60_000);
    expect(formed).toMatchObject([{ kind: "joined" }]);
  });

  test("a refusal is told, and tried again", () => {
    const { clock, formed, notes } = given({
      isBootstrap: false,
      joinAddresses: ["h2:1"],
      answers: { "h2:1": { kind: "refused", code: "in-use", reason: "n1 is alive" } },
    });
    clock.advance(10_000);
    expect(formed).toEqual([]);
    expect(notes[0]).toContain("n1 is alive");
  });
});
