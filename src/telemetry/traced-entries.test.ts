import { describe, expect, test } from "bun:test";
import type { Clock } from "../base/index.ts";
import { TracedEntries } from "./traced-entries.ts";
import type { Span, SpanFields, Tracing } from "./tracing.ts";

/** Tracing that keeps its spans in memory. */
class KeptTracing implements Tracing {
  /** `name@index`, with `!` behind it when it failed; in the order in which they ended. */
  readonly ended: string[] = [];
  readonly open = new Set<string>();
  readonly parents = new Set<string>();

  start(name: string, { parent, fields }: { readonly parent: string | undefined; readonly fields?: SpanFields }): Span {
    const own = `${name.replace("raft.", "")}@${String(fields?.["raft.index"])}`;
    this.parents.add(parent ?? "");
    this.open.add(own);
    return {
      isRecorded: true,
      traceparent: "",
      end: (_, failure) => {
        if (this.open.delete(own)) this.ended.push(failure === undefined ? own : `${own}!`);
      },
    };
  }

  within<T>(_: Span, work: () => T): T {
    return work();
  }

  active(): undefined {
    return undefined;
  }

  async stop(): Promise<void> {
    return Promise.resolve();
  }
}

function setUp(): { tracing: KeptTracing; entries: TracedEntries; clock: { ms: number } } {
  const clock = { ms: 0 };
  const tracing = new KeptTracing();
  const time: Clock = {
    now: () => clock.ms,
    wall: () => clock.ms,
    at: () => ({ cancel: () => undefined }),
    defer: () => undefined,
  };
  return { tracing, entries: new TracedEntries(tracing, time), clock };
}

const at = (index: number, term = 1): { index: number; term: number; data: Uint8Array } => ({
  index,
  term,
  data: new Uint8Array(3),
});
const told = (index: number, term = 1): { index: number; term: number; traceparent: string } => ({
  index,
  term,
  traceparent: `parent-${index}`,
});

describe("TracedEntries", () => {
  test("applies only what is both durable and committed, in either order", () => {
    const { tracing, entries } = setUp();
    for (const index of [5, 6]) entries.expect(told(index));
    entries.append([at(4), at(5), at(6)]);
    entries.durable(5);
    expect(tracing.ended).toEqual(["append@5"]);
    entries.committed(6);
    // 6 is committed by the others' disks before it is on this one.
    expect(tracing.ended).toEqual(["append@5", "commit@5", "commit@6"]);
    expect([...tracing.open]).toEqual(["append@6", "apply@5"]);
    entries.applied(5);
    entries.durable(6);
    entries.applied(6);
    expect(tracing.ended.slice(3)).toEqual(["apply@5", "append@6", "apply@6"]);
    expect(tracing.open.size).toBe(0);
    expect([...tracing.parents]).toEqual(["parent-5", "parent-6"]);
  });

  test("an entry that comes when it is committed already is committed at once", () => {
    const { tracing, entries } = setUp();
    entries.committed(9);
    entries.expect(told(8));
    entries.append([at(8)]);
    expect(tracing.ended).toEqual(["commit@8"]);
  });

  test("entries that nobody told of leave no spans, nor does an entry of another term in the place of one", () => {
    const { tracing, entries } = setUp();
    entries.expect(told(3, 1));
    entries.append([at(2), at(3, 2)]);
    for (const index of [2, 3]) entries.durable(index);
    entries.committed(3);
    entries.applied(3);
    expect([tracing.ended, tracing.open.size]).toEqual([[], 0]);
  });

  test("what gives way to another leader's entries fails, and what was only announced waits on", () => {
    const { tracing, entries } = setUp();
    for (const index of [3, 4, 5]) entries.expect(told(index));
    entries.append([at(3), at(4)]);
    entries.truncated(4);
    expect(tracing.ended).toEqual(["append@4!", "commit@4!"]);
    entries.append([at(5)]);
    expect([...tracing.open]).toEqual(["append@3", "commit@3", "append@5", "commit@5"]);
  });

  test("an entry that is announced in the place of another one ends that one's spans", () => {
    const { tracing, entries } = setUp();
    entries.expect(told(3, 1));
    entries.append([at(3, 1)]);
    entries.expect(told(3, 2));
    expect(tracing.ended).toEqual(["append@3!", "commit@3!"]);
    entries.append([at(3, 2)]);
    expect([...tracing.open]).toEqual(["append@3", "commit@3"]);
  });

  test("holds a bounded number, and gives up what never ends", () => {
    const { tracing, entries, clock } = setUp();
    for (let index = 1; index <= 5000; index += 1) entries.expect(told(index));
    entries.append(Array.from({ length: 5000 }, (_, before) => at(before + 1)));
    expect(tracing.open.size).toBe(2 * 4096);
    clock.ms = 60_000;
    entries.expect(told(6000));
    expect(tracing.open.size).toBe(0);
    expect(tracing.ended.length).toBe(2 * 4096);
  });
});
