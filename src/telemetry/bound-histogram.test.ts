import { expect, test } from "bun:test";
import { BoundHistogram } from "./bound-histogram.ts";
import { Metrics } from "./metrics.ts";

test("a bound histogram prints what prom-client's own would", async () => {
  const [bound, own] = [new Metrics(), new Metrics()];
  const labels = { method: "GET", route: '/kv/* "odd"' };
  const series = bound.histogram("konsul_http_request_duration_seconds", labels);
  for (const value of [0, 0.00005, 0.0001, 0.3, 1, 99]) {
    series.observe(value);
    own.observe("konsul_http_request_duration_seconds", value, labels);
  }
  const linesOf = async (metrics: Metrics): Promise<readonly string[]> =>
    (await metrics.scrape()).split("\n").filter((line) => line.includes("konsul_http_request_duration_seconds"));
  expect(await linesOf(bound)).toEqual(await linesOf(own).then((lines) => [...lines]));
});

test("a bound histogram without labels stands in for the registry's own", async () => {
  const [bound, own] = [new Metrics(), new Metrics()];
  bound.histogram("konsul_raft_commit_time_seconds", {}).observe(0.3);
  own.observe("konsul_raft_commit_time_seconds", 0.3);
  const linesOf = async (metrics: Metrics): Promise<readonly string[]> =>
    (await metrics.scrape()).split("\n").filter((line) => line.includes("konsul_raft_commit_time_seconds"));
  expect(await linesOf(bound)).toEqual(await linesOf(own).then((lines) => [...lines]));
});

test("counts belong to the smallest bound that holds them", () => {
  const histogram = new BoundHistogram("x", { a: "b" }, [1, 2]);
  for (const value of [1, 1.5, 2, 3]) histogram.observe(value);
  expect(histogram.lines().split("\n").slice(0, 3)).toEqual([
    'x_bucket{le="1",a="b"} 1',
    'x_bucket{le="2",a="b"} 3',
    'x_bucket{le="+Inf",a="b"} 4',
  ]);
});
