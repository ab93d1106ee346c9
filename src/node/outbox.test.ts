import { expect, test } from "bun:test";
import type { Message, MessageBody } from "../raft/index.ts";
import { Outbox } from "./outbox.ts";

function message(term: number, body: MessageBody): Message {
  return {
    clusterId: "",
    epoch: { counter: 1, random: "" },
    from: "a~1",
    fromBoot: "",
    to: "b~1",
    term,
    ...body,
  };
}

const reply: MessageBody = {
  kind: "append-reply",
  ok: true,
  match: 5,
  hintIndex: 0,
  hintTerm: 0,
  round: 1,
  session: 1,
  needSnapshot: false,
  seq: 1,
  applied: 0,
};

test("Outbox.release() lets a promise leave only when its ticket is durable (rules 1, 21)", () => {
  const outbox = new Outbox();
  const vote = message(3, { kind: "vote-reply", granted: true });
  const heartbeat = message(3, { kind: "stale-term" });
  outbox.add([{ message: vote, after: 2 }, { message: heartbeat }]);
  expect(outbox.take()).toEqual([heartbeat]);
  outbox.release(1, 3);
  expect(outbox.take()).toEqual([]);
  outbox.release(2, 3);
  expect(outbox.take()).toEqual([vote]);
  expect(outbox.take()).toEqual([]);
});

test("Outbox.release() drops append replies of a past term, and nothing else", () => {
  const outbox = new Outbox();
  const vote = message(3, { kind: "vote-reply", granted: true });
  outbox.add([
    { message: message(3, reply), after: 1 },
    { message: vote, after: 1 },
  ]);
  outbox.release(1, 4);
  expect(outbox.take()).toEqual([vote]);
});

test("Outbox.add() holds nothing whose ticket is durable already", () => {
  const outbox = new Outbox();
  outbox.release(7, 1);
  const late = message(1, reply);
  outbox.add([{ message: late, after: 7 }]);
  expect(outbox.take()).toEqual([late]);
});
