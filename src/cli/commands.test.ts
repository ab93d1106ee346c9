import { describe, expect, test } from "bun:test";
import { UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { findCommand, parseInvocation } from "./parse.ts";

/** Print no data of their own: an agent's log, and a script for a shell. */
const WITHOUT_JSON = ["agent", "completion"];

describe("the command table", () => {
  test("has every command once, each reachable by its words", () => {
    const paths = COMMANDS.map(({ path }) => path.join(" "));
    expect(new Set(paths).size).toBe(paths.length);
    for (const command of COMMANDS) expect(findCommand(COMMANDS, [...command.path, "--json"]).command).toBe(command);
  });

  test("gives --json to every command that prints data", () => {
    const without = COMMANDS.filter(({ flags }) => !flags.some(({ name }) => name === "json"));
    expect(without.map(({ path }) => path.join(" ")).toSorted()).toEqual(WITHOUT_JSON);
  });

  test("says of each command and flag what it does, in one line that fits", () => {
    for (const { path, summary, flags, positions } of COMMANDS) {
      const texts = [summary, ...flags.map(({ help }) => help), ...positions.map(({ help }) => help)];
      for (const text of texts) {
        expect([path.join(" "), text, text.length > 3 && text.length <= 120 && !/[.\n]$/.test(text)]).toEqual([
          path.join(" "),
          text,
          true,
        ]);
      }
      expect(new Set(flags.map(({ name }) => name)).size).toBe(flags.length);
    }
  });

  test("answers half of a command with the words that may follow", () => {
    for (const [words, wanted] of [
      [["kv"], "konsul kv wants one of get, put, delete, list, watch, export, import"],
      [["cluster", "autopilot", "--json"], "konsul cluster autopilot wants one of get, set, state"],
      [["kv", "gte"], '"kv gte" is no command (did you mean kv get?)'],
    ] as const) {
      expect(() => findCommand(COMMANDS, words)).toThrow(wanted);
    }
  });

  test("names a flag that was meant, and none that merely is as short", () => {
    const get = COMMANDS.find(({ path }) => path.join(" ") === "kv get");
    if (get === undefined) throw new Error("there is such a command");
    expect(() => parseInvocation(get, ["--consistnt"])).toThrow(
      "--consistnt is no flag of konsul kv get (did you mean --consistent?)",
    );
    expect(() => parseInvocation(get, ["--nope"])).toThrow(/^--nope is no flag of konsul kv get$/);
    expect(() => parseInvocation(get, ["--timeout"])).toThrow("--timeout wants DURATION behind it");
  });

  test("takes a switch with true or false and nothing else; off is as if it was not there", () => {
    const list = COMMANDS.find(({ path }) => path.join(" ") === "kv list");
    const agent = COMMANDS.find(({ path }) => path.join(" ") === "agent");
    if (list === undefined || agent === undefined) throw new Error("there are such commands");
    expect(parseInvocation(list, ["--json=false", "--keys=true"]).flags).toEqual(new Map([["keys", ["true"]]]));
    expect(() => parseInvocation(list, ["--json=maybe"])).toThrow(UsageError);
    // A setting that is off goes before a variable that says on.
    expect(parseInvocation(agent, ["--raft=false"]).flags).toEqual(new Map([["raft", ["false"]]]));
  });
});
