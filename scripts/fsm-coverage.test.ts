import { expect, test } from "bun:test";

const LINES_MIN = 90;

/** What everybody's state depends on is read by tests line by line; the figure is the runner's own. */
test(`tests run more than ${LINES_MIN} % of the lines of every part of the state machine`, async () => {
  const command = [process.execPath, "test", "--coverage", "--coverage-reporter=text", "./src/fsm"];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
  const said = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
  await child.exited;
  const lines = said.split("\n").flatMap((line) => {
    const [file = "", , percent = ""] = line.split("|").map((cell) => cell.trim());
    return file.startsWith("src/fsm/") && file.endsWith(".ts") ? [{ file, percent: Number(percent) }] : [];
  });
  expect(lines.length).toBeGreaterThan(20);
  expect(lines.filter(({ percent }) => !(percent > LINES_MIN))).toEqual([]);
});
