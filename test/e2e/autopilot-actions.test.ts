import { afterEach, describe, expect, test } from "bun:test";
import { cleanUp, KONSUL, konsul } from "./agent-process.ts";
import { AutopilotNodes, PATIENT } from "./autopilot-nodes.ts";
import { buildNewer, NEWER_VERSION } from "./newer-build.ts";

afterEach(cleanUp);

/** Any node may be asked: the command goes to the leader. */
async function untilShown(url: string, text: string): Promise<void> {
  for (;;) {
    const { out } = await konsul(["cluster", "autopilot", "state"], { url });
    if (out.replaceAll(/^(\w+) +(leader|voter) +/gm, "$1  voter      ").includes(text)) return;
    await Bun.sleep(100);
  }
}

describe("autopilot", () => {
  test("five nodes in three zones: a standby takes over from its zone's voter, another zone's from a zone that is gone", async () => {
    const nodes = new AutopilotNodes(
      [
        { id: "a1", zone: "a" },
        { id: "b1", zone: "b" },
        { id: "c1", zone: "c" },
        { id: "a2", zone: "a" },
        { id: "b2", zone: "b" },
      ],
      [...PATIENT, "--autopilot-redundancy-zones"],
    );
    await nodes.startAll();
    const formed = await nodes.until(({ voters, members }) => voters.length === 3 && members.length === 5);
    expect(formed.voters.map((id) => id[0])).toEqual(["a", "b", "c"]);
    // A zone with a standby loses its voter.
    const voterOfA = formed.voters.find((id) => id.startsWith("a")) ?? "";
    const standbyOfA = voterOfA === "a1" ? "a2" : "a1";
    await nodes.kill(voterOfA);
    const first = await nodes.until(({ voters }) => voters.includes(standbyOfA) && !voters.includes(voterOfA));
    expect(first.voters).toHaveLength(3);
    // A whole zone goes: the number of voters stays.
    await nodes.kill("c1");
    const second = await nodes.until(({ voters }) => !voters.includes("c1"));
    expect(second.voters).toEqual([standbyOfA, "b1", "b2"].toSorted());
    await nodes.untilWritable();
    // It comes back, and votes for its zone again.
    await nodes.start("c1");
    const back = await nodes.until(({ voters }) => voters.includes("c1") && voters.length === 3);
    expect(back.voters.map((id) => id[0])).toEqual(["a", "b", "c"]);
    await untilShown(nodes.urlOf("b2"), "waits: it stands by in zone b");
  }, 240_000);

  test("three old and three new nodes: the new ones vote together, lead, and the old ones are demoted", async () => {
    const newer = buildNewer();
    const ids = ["o1", "o2", "o3", "n1", "n2", "n3"];
    const nodes = new AutopilotNodes(
      ids.map((id) => ({ id, executable: id.startsWith("n") ? newer : KONSUL })),
      PATIENT,
    );
    for (const id of ids.slice(0, 3)) await nodes.start(id);
    await nodes.until(({ voters }) => voters.length === 3);
    for (const id of ["n1", "n2"]) await nodes.start(id);
    const waiting = await nodes.until(({ healthy, members }) => members.length === 5 && healthy.length === 5);
    expect(waiting.voters).toEqual(["o1", "o2", "o3"]);
    await nodes.until((state) => state.waiting.get("n1")?.includes("of 3 servers of release") === true);
    await nodes.start("n3");
    const after = await nodes.until(({ voters, leader }) => voters.includes("n3") && leader?.startsWith("n") === true);
    expect(after.voters).toEqual(["n1", "n2", "n3"]);
    expect(after.members).toEqual(ids.toSorted());
    await nodes.untilWritable();
    await untilShown(nodes.urlOf("o1"), `n1  voter      -     ${NEWER_VERSION}`);
    await untilShown(nodes.urlOf("o1"), "older than what every voter runs");
  }, 240_000);
});
