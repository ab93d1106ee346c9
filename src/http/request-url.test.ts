import { expect, test } from "bun:test";
import { createPrng } from "../base/index.ts";
import { RequestUrls, type RequestUrl } from "./request-url.ts";

function partsOf(url: RequestUrl | undefined): unknown {
  if (url === undefined) return undefined;
  const { href, pathname, search, searchParams } = url;
  return { href, pathname, search, parameters: [...searchParams] };
}

test("RequestUrls.of() finds the same parts as a parser, in whatever was normalised (seed 7)", () => {
  const prng = createPrng(7);
  const pieces = [
    "/",
    "?",
    "#",
    "&",
    "=",
    "%2F",
    "%00",
    "%",
    "..",
    ".",
    "key",
    "+",
    ":",
    "@",
    "é",
    " ",
    "\\",
    ";",
    "//",
  ];
  const urls = new RequestUrls();
  for (let round = 0; round < 5000; round += 1) {
    const path = Array.from({ length: prng.between(0, 8) }, () => prng.pick(pieces)).join("");
    const host = prng.pick(["localhost", "127.0.0.1:8888", "[::1]:80"]);
    const normalised = new URL(`http://${host}/${path}`);
    expect(partsOf(urls.of(normalised.href)), normalised.href).toEqual(partsOf(normalised));
  }
});

test("RequestUrls.of() takes no origin for one that it knows as it begins alike", () => {
  const urls = new RequestUrls();
  expect(urls.of("http://a.example/kv/k")?.pathname).toBe("/kv/k");
  expect(urls.of("http://a.example:8888/kv/k")?.pathname).toBe("/kv/k");
  expect(urls.of("http://a.example.org/kv/k")?.pathname).toBe("/kv/k");
  expect(urls.of("http://a.example:99999/kv/a/../b")).toBeUndefined();
});

test("RequestUrls.of() knows a host that is none, whatever it was asked before", () => {
  const urls = new RequestUrls();
  for (const known of ["http://a.example/kv/k", "https://b.example/"]) {
    expect(partsOf(urls.of(known))).toEqual(partsOf(new URL(known)));
    for (const href of ["http://a.example/", "https://a.example:8888/kv/k", "http://[::1]/x?y#z"]) {
      expect(partsOf(urls.of(href)), href).toEqual(partsOf(new URL(href)));
    }
    for (const href of [
      "/kv/k",
      "/kv/a/../b",
      "//a/kv/k",
      "*",
      "",
      "a:80",
      "http://[/kv/k",
      "http://:80/x",
      "http://a.example:99999/",
    ]) {
      expect(urls.of(href), href).toBeUndefined();
    }
  }
});
