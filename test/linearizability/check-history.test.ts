import { describe, expect, test } from "bun:test";
import { createPrng, type Prng } from "../../src/base/index.ts";
import {
  appendKv,
  casRegister,
  checkHistory,
  versionedKv,
  type AppendInput,
  type AppendOutput,
  type Model,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
  type VersionedInput,
  type VersionedOutput,
} from "./index.ts";

type Register = Operation<RegisterInput, RegisterOutput>;
type Versioned = Operation<VersionedInput, VersionedOutput>;

interface Times {
  readonly call: number;
  readonly end?: number;
}

function write(value: string, { call, end }: Times): Register {
  const done = { client: 1, key: "k", call, input: { kind: "write", value } } as const;
  return end === undefined
    ? { ...done, return: Infinity, output: undefined }
    : { ...done, return: end, output: { kind: "done" } };
}

function read(value: string | undefined, { call, end = Infinity }: Times, key = "k"): Register {
  return { client: 2, key, call, return: end, input: { kind: "read" }, output: { kind: "read", value } };
}

function versioned(times: Required<Times>, input: VersionedInput, output: VersionedOutput | undefined): Versioned {
  return { client: 1, key: "k", call: times.call, return: times.end, input, output };
}

function old(call: number): Register {
  return read(undefined, { call, end: call + 1 });
}

function young(call: number): Register {
  return read("1", { call, end: call + 1 });
}

describe("checkHistory() of a register", () => {
  test("checkHistory() accepts the empty history", () => {
    expect(checkHistory(casRegister, [])).toEqual({ verdict: "linearizable" });
  });

  test("checkHistory() refuses a read of a value that was overwritten before it began", () => {
    const history = [write("1", { call: 0, end: 1 }), write("2", { call: 2, end: 3 }), read("1", { call: 4, end: 5 })];
    expect(checkHistory(casRegister, history).verdict).toBe("violation");
  });

  test("checkHistory() accepts both values while the write runs, but never the old after the new", () => {
    const concurrent = write("1", { call: 0, end: 10 });
    expect(checkHistory(casRegister, [concurrent, old(1), young(3)]).verdict).toBe("linearizable");
    expect(checkHistory(casRegister, [concurrent, young(1), old(3)]).verdict).toBe("violation");
  });

  test("checkHistory() lets operations that only touch in time go either way", () => {
    expect(
      checkHistory(casRegister, [write("1", { call: 0, end: 5 }), read(undefined, { call: 5, end: 6 })]).verdict,
    ).toBe("linearizable");
    expect(
      checkHistory(casRegister, [write("1", { call: 0, end: 5 }), read(undefined, { call: 5.5, end: 6 })]).verdict,
    ).toBe("violation");
  });

  test("checkHistory() lets an unknown outcome take effect late, once, or never", () => {
    const unknown = write("1", { call: 0 });
    const late = [read(undefined, { call: 10, end: 11 }), read("1", { call: 12, end: 13 })];
    expect(checkHistory(casRegister, [unknown, ...late]).verdict).toBe("linearizable");
    expect(checkHistory(casRegister, [unknown, read(undefined, { call: 10, end: 11 })]).verdict).toBe("linearizable");
    const twice = [...late, write("2", { call: 14, end: 15 }), read("1", { call: 16, end: 17 })];
    expect(checkHistory(casRegister, [unknown, ...twice]).verdict).toBe("violation");
    expect(checkHistory(casRegister, [unknown, write("1", { call: 1 }), ...twice]).verdict).toBe("linearizable");
  });

  test("checkHistory() does not let an unknown outcome take effect before its call", () => {
    expect(checkHistory(casRegister, [write("1", { call: 5 }), read("1", { call: 0, end: 4 })]).verdict).toBe(
      "violation",
    );
  });

  test("checkHistory() judges each key for itself and names the bad one", () => {
    const history = [write("1", { call: 0, end: 1 }), read(undefined, { call: 2, end: 3 }, "other")];
    expect(checkHistory(casRegister, history).verdict).toBe("linearizable");
    const bad = checkHistory(casRegister, [...history, read("9", { call: 4, end: 5 }, "bad")]);
    expect(bad.verdict === "violation" && bad.counterexample.key).toBe("bad");
  });

  test("checkHistory() refuses times that cannot be", () => {
    expect(() => checkHistory(casRegister, [read("1", { call: 5, end: 4 })])).toThrow("before its call");
    expect(() => checkHistory(casRegister, [read("1", { call: 5 })])).toThrow("must return");
  });

  test("checkHistory() out of time says so", () => {
    const writes = Array.from({ length: 40 }, (_, at) => write(`${at}`, { call: 0, end: 100 }));
    const result = checkHistory(casRegister, [...writes, read("no", { call: 0, end: 101 })], { timeLimitMs: 0 });
    expect(result).toEqual({ verdict: "undecided", key: "k" });
  });

  test("checkHistory() explains a violation with the shortest bad beginning", () => {
    const history = [
      write("1", { call: 0, end: 1 }),
      read("1", { call: 2, end: 3 }),
      read(undefined, { call: 4, end: 5 }),
      write("3", { call: 4, end: 9 }),
      read("3", { call: 10, end: 11 }),
    ];
    const result = checkHistory(casRegister, history);
    if (result.verdict !== "violation") throw new Error("A violation must be found");
    expect(result.counterexample.operations.map((operation) => operation.call)).toEqual([0, 2, 4, 4]);
    expect(result.counterexample.text).toBe(
      [
        'Not linearizable: key "k", 4 operations have no legal order',
        "The longest legal order found:",
        '  client 1 [0, 1] write "1" -> done',
        '  client 2 [2, 3] read -> "1"',
        '  client 1 [4, ...] write "3" -> ?',
        '  leaves the state "3"',
        "Not placed, and nothing that may come next is legal:",
        "  client 2 [4, 5] read -> nothing",
      ].join("\n"),
    );
  });
});

function put(value: string, index?: number): Versioned {
  const output: VersionedOutput = index === undefined ? { kind: "done" } : { kind: "done", index };
  return versioned({ call: 0, end: 1 }, { kind: "put", value }, output);
}

function get(call: number, value: string | undefined, index: number): Versioned {
  return versioned({ call, end: call + 1 }, { kind: "get" }, { kind: "read", value, index });
}

function cas(call: number, expected: number, output: VersionedOutput | undefined): Versioned {
  const end = output === undefined ? Infinity : call + 1;
  return versioned({ call, end }, { kind: "cas", expected, value: "new" }, output);
}

describe("checkHistory() of a versioned key", () => {
  test("an index that was told must be read again", () => {
    expect(checkHistory(versionedKv, [put("a", 5), get(2, "a", 5)]).verdict).toBe("linearizable");
    expect(checkHistory(versionedKv, [put("a", 5), get(2, "a", 6)]).verdict).toBe("violation");
  });

  test("an index that was not told is settled by the first read", () => {
    expect(checkHistory(versionedKv, [put("a"), get(2, "a", 6), get(4, "a", 6)]).verdict).toBe("linearizable");
    expect(checkHistory(versionedKv, [put("a"), get(2, "a", 6), get(4, "a", 7)]).verdict).toBe("violation");
  });

  test("indexes rise, also over a deletion", () => {
    const erased = versioned({ call: 2, end: 3 }, { kind: "delete" }, { kind: "done" });
    const again = (index: number): Versioned =>
      versioned({ call: 4, end: 5 }, { kind: "put", value: "b" }, { kind: "done", index });
    expect(checkHistory(versionedKv, [put("a", 5), erased, again(6)]).verdict).toBe("linearizable");
    expect(checkHistory(versionedKv, [put("a", 5), erased, again(5)]).verdict).toBe("violation");
  });

  test("a compare-and-set is refused exactly at another index", () => {
    expect(checkHistory(versionedKv, [put("a", 5), cas(2, 5, { kind: "done" })]).verdict).toBe("linearizable");
    expect(checkHistory(versionedKv, [put("a", 5), cas(2, 4, { kind: "done" })]).verdict).toBe("violation");
    expect(checkHistory(versionedKv, [put("a", 5), cas(2, 5, { kind: "refused" })]).verdict).toBe("violation");
    expect(checkHistory(versionedKv, [cas(2, 0, { kind: "done" })]).verdict).toBe("linearizable");
    expect(checkHistory(versionedKv, [cas(2, 0, { kind: "refused" })]).verdict).toBe("violation");
  });

  test("a refusal says something of an index that was not told", () => {
    expect(checkHistory(versionedKv, [put("a"), cas(2, 6, { kind: "refused" }), get(4, "a", 7)]).verdict).toBe(
      "linearizable",
    );
    expect(checkHistory(versionedKv, [put("a"), cas(2, 6, { kind: "refused" }), get(4, "a", 6)]).verdict).toBe(
      "violation",
    );
  });

  test("an unknown compare-and-set takes effect only at its index", () => {
    expect(checkHistory(versionedKv, [put("a"), cas(2, 6, undefined), get(4, "new", 7)]).verdict).toBe("linearizable");
    expect(checkHistory(versionedKv, [put("a"), cas(2, 6, undefined), get(4, "new", 6)]).verdict).toBe("violation");
    expect(checkHistory(versionedKv, [put("a"), cas(2, 6, undefined), get(4, "a", 3)]).verdict).toBe("linearizable");
  });
});

/** Every order that time allows, one by one, with no memory; unknown outcomes in it or left out. */
function bruteForce<State, Input, Output>(
  model: Model<State, Input, Output>,
  left: readonly Operation<Input, Output>[],
  state: State,
): boolean {
  if (left.every((operation) => operation.output === undefined)) return true;
  return left.some((next) => {
    const isTooEarly = left.some((other) => other !== next && other.output !== undefined && other.return < next.call);
    const after = isTooEarly ? undefined : model.step(state, next.input, next.output);
    return (
      after !== undefined &&
      bruteForce(
        model,
        left.filter((other) => other !== next),
        after,
      )
    );
  });
}

interface Generated<Input, Output> {
  readonly inputs: (prng: Prng) => Input;
  /** A fresh object that does each operation in turn and tells what a client would see. */
  readonly object: () => (input: Input) => Output;
}

/** A history of clients whose operations take effect at one moment between call and return. */
function generate<Input, Output>(
  prng: Prng,
  kind: Generated<Input, Output>,
  count: number,
): Operation<Input, Output>[] {
  const times = Array.from({ length: count }, (_, client) => {
    const call = prng.between(0, 30);
    const effect = call + prng.between(0, 5);
    return {
      client,
      call,
      effect,
      end: effect + prng.between(0, 5),
      isUnknown: prng.chance(0.15),
      happens: prng.chance(0.6),
    };
  });
  const run = kind.object();
  return times
    .toSorted((a, b) => a.effect - b.effect)
    .map((time): Operation<Input, Output> => {
      const input = kind.inputs(prng);
      const { call, client } = time;
      if (!time.isUnknown) return { client, key: "k", call, return: time.end, input, output: run(input) };
      if (time.happens) run(input);
      return { client, key: "k", call, return: Infinity, input, output: undefined };
    });
}

function registerObject(): (input: RegisterInput) => RegisterOutput {
  let value: string | undefined;
  return (input) => {
    if (input.kind === "read") return { kind: "read", value };
    if (input.kind === "cas" && value !== input.expected) return { kind: "refused" };
    value = input.value;
    return { kind: "done" };
  };
}

function appendObject(): (input: AppendInput) => AppendOutput {
  let value = "";
  return (input) => {
    if (input.kind === "get") return { value };
    value = input.kind === "put" ? input.value : value + input.value;
    return { value: "" };
  };
}

function versionedObject(prng: Prng): (input: VersionedInput) => VersionedOutput {
  let raft = 0;
  let row: { readonly value: string; readonly index: number } | undefined;
  return (input) => {
    raft += prng.between(1, 3);
    if (input.kind === "get") return { kind: "read", value: row?.value, index: row?.index ?? 0 };
    if (input.kind !== "put" && input.expected !== undefined && input.expected !== (row?.index ?? 0))
      return { kind: "refused" };
    row = input.kind === "delete" ? undefined : { value: input.value, index: raft };
    return input.kind === "delete" || prng.chance(0.5) ? { kind: "done" } : { kind: "done", index: raft };
  };
}

const registers: Generated<RegisterInput, RegisterOutput> = {
  inputs: (prng) => {
    const value = `${prng.between(0, 3)}`;
    return prng.pick<RegisterInput>([
      { kind: "read" },
      { kind: "write", value },
      { kind: "cas", expected: "1", value },
    ]);
  },
  object: registerObject,
};

const appends: Generated<AppendInput, AppendOutput> = {
  inputs: (prng) => {
    const value = prng.pick(["a", "b"]);
    return prng.pick<AppendInput>([{ kind: "get" }, { kind: "put", value }, { kind: "append", value }]);
  },
  object: appendObject,
};

function versionedKeys(prng: Prng): Generated<VersionedInput, VersionedOutput> {
  return {
    inputs: () => {
      const value = prng.pick(["a", "b"]);
      const expected = prng.between(0, 9);
      return prng.pick<VersionedInput>([
        { kind: "get" },
        { kind: "put", value },
        { kind: "cas", expected, value },
        { kind: "delete" },
        { kind: "delete", expected },
      ]);
    },
    object: () => versionedObject(prng),
  };
}

/** Gives one operation the output of another one of the same kind of input, or moves it in time. */
function damage<Input extends { readonly kind: string }, Output>(
  prng: Prng,
  history: readonly Operation<Input, Output>[],
): Operation<Input, Output>[] {
  const answered = history.filter((operation) => operation.output !== undefined);
  const victim = prng.pick(answered.length > 0 ? answered : history);
  const text = JSON.stringify(victim.output);
  const others = answered.filter(
    (other) => other.input.kind === victim.input.kind && JSON.stringify(other.output) !== text,
  );
  const donor = others[prng.between(0, others.length + 1)];
  return history.map((operation) => {
    if (operation !== victim) return operation;
    if (donor !== undefined) return { ...operation, output: donor.output };
    const later = prng.between(10, 30);
    return { ...operation, call: operation.call + later, return: operation.return + later };
  });
}

function compare<State, Input extends { readonly kind: string }, Output>(
  prng: Prng,
  model: Model<State, Input, Output>,
  kind: Generated<Input, Output>,
): { readonly violations: number } {
  let violations = 0;
  for (let round = 0; round < 200; round += 1) {
    const sound = generate(prng, kind, prng.between(5, 9));
    const isDamaged = round % 2 === 1;
    const history = isDamaged ? damage(prng, sound) : sound;
    const expected = bruteForce(model, history, model.initial) ? "linearizable" : "violation";
    if (!isDamaged) expect({ round, expected }).toEqual({ round, expected: "linearizable" });
    const result = checkHistory(model, history);
    expect({ round, verdict: result.verdict }).toEqual({ round, verdict: expected });
    if (result.verdict !== "violation") continue;
    violations += 1;
    // The counter-example stands on its own, and is a beginning of what happened.
    expect(bruteForce(model, result.counterexample.operations, model.initial)).toBe(false);
    expect(result.counterexample.operations.length).toBeLessThanOrEqual(history.length);
  }
  return { violations };
}

describe("checkHistory() against brute force, 200 histories each, half of them damaged", () => {
  test("checkHistory() judges registers like brute force (seed 61)", () => {
    expect(compare(createPrng(61), casRegister, registers).violations).toBeGreaterThan(20);
  });

  test("checkHistory() judges keys with append like brute force (seed 67)", () => {
    expect(compare(createPrng(67), appendKv, appends).violations).toBeGreaterThan(20);
  });

  test("checkHistory() judges versioned keys like brute force (seed 71)", () => {
    const prng = createPrng(71);
    expect(compare(prng, versionedKv, versionedKeys(prng)).violations).toBeGreaterThan(10);
  });
});

test("checkHistory() of 3 000 operations by 10 clients on one key is decided (seed 73)", () => {
  const prng = createPrng(73);
  const run = registerObject();
  const free = Array.from({ length: 10 }, () => 0);
  const begun = Array.from({ length: 3000 }, (_, at) => {
    const client = at % free.length;
    const call = (free[client] ?? 0) + prng.between(1, 5);
    const effect = call + prng.between(1, 5);
    const end = effect + prng.between(1, 5);
    free[client] = end;
    return { client, call, effect, end, isUnknown: prng.chance(0.005), input: registers.inputs(prng) };
  });
  const history = begun
    .toSorted((a, b) => a.effect - b.effect)
    .map(({ call, client, end, input, isUnknown }): Register => {
      const output = run(input);
      if (isUnknown) return { client, key: "k", call, return: Infinity, input, output: undefined };
      return { client, key: "k", call, return: end, input, output };
    });
  expect(checkHistory(casRegister, history).verdict).toBe("linearizable");
});
