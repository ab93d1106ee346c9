import { afterAll, describe, expect, test } from "bun:test";
import { median, percentile } from "./bench.ts";
import { firstSuccess } from "./first-success.ts";
import { lastLike, ratiosOf } from "./history.ts";
import { parseOptions } from "./options.ts";
import { HUNDREDFOLD } from "./tracing.ts";
import { countedIn } from "./wrk.ts";
import { cleanUp } from "../e2e/agent-process.ts";
import { patchedSource } from "../e2e/sabotage/sabotaged-build.ts";

afterAll(cleanUp);

describe("median()", () => {
  test("of an odd number is the one in the middle, of an even number the middle of two", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 7])).toBe(6);
    expect(median([])).toBeNaN();
  });
});

test("percentile() of few values is one of them, and never beyond the last", () => {
  expect(percentile([3, 1, 2], 0.5)).toBe(2);
  expect(percentile([3, 1, 2], 0.99)).toBe(3);
});

describe("parseOptions()", () => {
  test("takes names and flags, and flags before the environment", () => {
    const found = parseOptions(["etcd", "--rounds", "7", "grpc"], { ROUNDS: "3", SECONDS: "2" });
    expect(found).toMatchObject({ wanted: ["etcd", "grpc"], rounds: 7, seconds: 2, problems: [] });
    expect(found.warmUp).toBeUndefined();
  });

  test("says what is no whole number, no flag, or nothing", () => {
    expect(parseOptions(["--rounds", "many", "--seconds=0.5"], { WARM_UP: "" }).problems).toHaveLength(3);
    expect(parseOptions(["--round", "3"], {}).problems).toHaveLength(1);
    expect(parseOptions(["-h"], {})).toMatchObject({ isHelpWanted: true, problems: [] });
  });
});

describe("countedIn()", () => {
  const summary = (more: string): string => `Running 3s test @ http://127.0.0.1:1
  Latency Distribution
     50%   27.00us
     75%   24.31ms
     90%   40.04ms
     99%    1.20s
  1000 requests in 2.00s, 1.50MB read
${more}Requests/sec:    500.00
`;

  test("takes wrk's percentiles, in ms", () => {
    const counted = countedIn(summary(""));
    expect(counted).toEqual({ perSecond: 500, requests: 1000, p50Ms: 0.027, p99Ms: 1200, failures: 0 });
  });

  test("takes what a single client saw before what wrk makes of it", () => {
    const counted = countedIn(`${summary("")}one client: 50% 26.1us\none client: 99% 31.0us\n`);
    expect(counted?.p50Ms).toBeCloseTo(0.0261);
    expect(counted?.p99Ms).toBeCloseTo(0.031);
  });

  test("counts successes only, and what failed in any way", () => {
    const more = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 500\n";
    expect(countedIn(summary(more))).toMatchObject({ perSecond: 250, requests: 1000, failures: 510 });
  });

  test("finds nothing where wrk did not come to its end", () => {
    expect(countedIn("Running 3s test @ http://127.0.0.1:1\n")).toBeUndefined();
  });
});

describe("firstSuccess()", () => {
  test("does not wait for an attempt that is answered late", async () => {
    const late = Promise.withResolvers<boolean>();
    const tookMs = await firstSuccess(async (tries) => {
      if (tries === 0) return late.promise;
      if (tries === 3) setTimeout(() => late.resolve(false), 50);
      return tries >= 3;
    });
    expect(tookMs).toBeGreaterThan(0);
  });
});

describe("the history", () => {
  const lines = [
    '{"bench":"etcd","ratio":1}',
    '{"bench":"etcd","ratio":2}',
    '{"bench":"etcd","keys":9}',
    '{"bench":"etcd","ra',
  ];

  test("lastLike() is the newest whole line of that benchmark with as many keys", () => {
    expect(lastLike({ bench: "etcd" }, lines.join("\n"))).toEqual({ bench: "etcd", ratio: 2 });
    expect(lastLike({ bench: "etcd", keys: 9 }, lines.join("\n"))).toEqual({ bench: "etcd", keys: 9 });
    expect(lastLike({ bench: "floor" }, lines.join("\n"))).toBeUndefined();
  });

  test("ratiosOf() finds what one side is of the other, wherever it stands, and nothing else", () => {
    const line = { rounds: 5, overFloor: 1.9, "writes, 64": { ratio: 2.7, ratios: [2, 3], konsul: { perSecond: 9 } } };
    expect([...ratiosOf(line)]).toEqual([
      ["overFloor", 1.9],
      ["writes, 64, ratio", 2.7],
    ]);
  });
});

test("the hooks that the benchmark of tracing repeats are where it looks for them", () => {
  expect(() => patchedSource(HUNDREDFOLD)).not.toThrow();
});
