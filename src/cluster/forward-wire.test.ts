import { describe, expect, test } from "bun:test";
import { utf8 } from "../base/index.ts";
import {
  decodeForwardedAnswer,
  decodeForwardedRequest,
  encodeForwardedAnswer,
  encodeForwardedRequest,
} from "./forward-wire.ts";

const request = {
  method: "PUT",
  path: "/kv/a%2Fb?cas=3",
  headers: [
    ["content-type", "application/json"],
    ["x-request-id", "r-1"],
  ],
  body: utf8('{"value":"ü"}'),
} as const;

describe("a forwarded request", () => {
  test("comes out as it went in, and so does its answer", () => {
    expect(decodeForwardedRequest(encodeForwardedRequest(request))).toEqual(request);
    const answer = { status: 409, headers: [["x-konsul-index", "7"]], body: utf8("no") } as const;
    expect(decodeForwardedAnswer(encodeForwardedAnswer(answer))).toEqual(answer);
  });

  test("that is cut short anywhere, or has bytes behind it, is refused", () => {
    const bytes = encodeForwardedRequest(request);
    for (let size = 0; size < bytes.length; size += 1)
      expect(() => decodeForwardedRequest(bytes.subarray(0, size))).toThrow();
    expect(() => decodeForwardedRequest(new Uint8Array([...bytes, 0]))).toThrow();
  });

  test("of another version, and an answer with an impossible status, are refused", () => {
    const bytes = encodeForwardedRequest(request);
    bytes[0] = 2;
    expect(() => decodeForwardedRequest(bytes)).toThrow("version 2");
    const answer = encodeForwardedAnswer({ status: 99, headers: [], body: utf8("") });
    expect(() => decodeForwardedAnswer(answer)).toThrow("99");
  });
});
