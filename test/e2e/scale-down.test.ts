import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "bun:test";
import { parseAllDocuments } from "yaml";
import { helm } from "../../scripts/helm.ts";
import { cleanUp, KONSUL, temporaryFolder } from "./agent-process.ts";
import { AutopilotNodes, PATIENT } from "./autopilot-nodes.ts";

afterEach(cleanUp);

const CHART = join(import.meta.dir, "..", "..", "deploy", "helm", "konsul");

/** What the chart's job runs before it has fewer pods. */
function scaleDownScript(replicas: number): string {
  const values = ["scaleDown.enabled=true", "acl.enabled=false", "insecure=true", `replicas=${replicas}`];
  const rendered = Bun.spawnSync([helm(), "template", "k", CHART, ...values.flatMap((value) => ["--set", value])]);
  const [job] = parseAllDocuments(rendered.stdout.toString()).filter((document) => document.get("kind") === "Job");
  return String(job?.getIn(["spec", "template", "spec", "containers", 0, "args", 0]));
}

test("the chart's job lets the highest nodes leave, also one that is dead", async () => {
  const ids = ["k-0", "k-1", "k-2", "k-3", "k-4"];
  const nodes = new AutopilotNodes(
    ids.map((id) => ({ id })),
    PATIENT,
  );
  await nodes.startAll();
  await nodes.until(({ voters, healthy }) => voters.length === 5 && healthy.length === 5);
  const leaver = nodes.agents.get("k-3");
  await nodes.kill("k-4");
  const bin = join(temporaryFolder(), "bin");
  mkdirSync(bin);
  symlinkSync(KONSUL, join(bin, "konsul"));
  const script = scaleDownScript(3);
  const run = async (): Promise<readonly [number, string]> => {
    const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}`, KONSUL_HTTP_ADDR: nodes.urlOf("k-0"), FLAGS: "" };
    const child = Bun.spawn(["sh", "-c", script], { env, stdout: "ignore", stderr: "pipe" });
    const problems = await new Response(child.stderr).text();
    return [await child.exited, problems];
  };
  const [code, said] = await run();
  expect([code, said]).toEqual([0, expect.stringMatching(/k-4 leaves\n[^]*k-3 leaves\n/)]);
  expect(await leaver?.child.exited).toBe(0);
  nodes.agents.delete("k-3");
  const rest = await nodes.until(({ members }) => members.length === 3);
  expect(rest.voters).toEqual(["k-0", "k-1", "k-2"]);
  await nodes.untilWritable();
  // Tried again, there is nothing to do.
  expect(await run()).toEqual([0, ""]);
}, 240_000);
