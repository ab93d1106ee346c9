import { describe, expect, test } from "bun:test";
import { endMessage, kept, openMessage, startMessage } from "./thread-message.ts";

describe("messages of a disk's thread", () => {
  test("an answer in the buffer of a longer question is read to its own end", () => {
    const question = endMessage(startMessage(undefined).raw(new Uint8Array(5000).fill(7)));
    const answer = endMessage(startMessage(question).u8(1));
    expect(answer === question).toBe(true);
    const body = openMessage(answer);
    expect(body.u8()).toBe(1);
    expect(body.remaining).toBe(0);
  });

  test("a message that outgrows its buffer goes on in another one", () => {
    const bytes = new Uint8Array(300_000).map((_, at) => at);
    const grown = endMessage(startMessage(new ArrayBuffer(8192)).raw(bytes));
    expect(openMessage(grown).rest()).toEqual(bytes);
    expect(kept(grown)).toBeUndefined();
    expect(kept(new ArrayBuffer(8192))?.byteLength).toBe(8192);
  });

  test("a buffer that is too small for the answer is not used for it", () => {
    const small = new ArrayBuffer(8192);
    expect(endMessage(startMessage(small, 8192)) === small).toBe(false);
  });
});
