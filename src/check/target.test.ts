import { describe, expect, test } from "bun:test";
import { AllowedNetworks } from "./allowed-networks.ts";
import { parseTarget, refuseTarget } from "./target.ts";

describe("the target of a check", () => {
  test("names a host and a port", () => {
    expect(parseTarget("tcp", "db.local:5432")).toEqual({ host: "db.local", port: 5432 });
    expect(parseTarget("tcp", "[fd00::1]:80")).toEqual({ host: "fd00::1", port: 80 });
    expect(parseTarget("http", "http://a.example/x?y")).toMatchObject({ host: "a.example", port: 80 });
    expect(parseTarget("http", "https://[::1]/")).toMatchObject({ host: "::1", port: 443 });
    // The same address in the forms that URL parsers know.
    expect(parseTarget("http", "http://2130706433:9/")).toMatchObject({ host: "127.0.0.1", port: 9 });
  });

  test("is refused in another form", () => {
    for (const text of [
      "",
      "host",
      "host:",
      "host:0",
      "host:70000",
      "a b:1",
      "user@host:1",
      "fd00::1:80",
      "http://a:1",
    ]) {
      expect([text, parseTarget("tcp", text)]).toEqual([text, undefined]);
    }
    for (const text of ["", "a.example", "ftp://a.example", "file:///etc/passwd", "http://user:secret@a.example/"]) {
      expect([text, parseTarget("http", text)]).toEqual([text, undefined]);
    }
  });

  test("is refused with a reason where it is not allowed", () => {
    const none = new AllowedNetworks([]);
    const loopback = new AllowedNetworks([{ address: "127.0.0.0", bits: 8 }]);
    expect(refuseTarget(none, "tcp", "127.0.0.1:80")).toContain("checks.allow must name the networks");
    expect(refuseTarget(loopback, "tcp", "127.0.0.1:80")).toBeUndefined();
    expect(refuseTarget(loopback, "tcp", "10.0.0.1:80")).toContain("10.0.0.1, which is in no network");
    expect(refuseTarget(loopback, "http", "http://0x7f.1/")).toBeUndefined();
    expect(refuseTarget(loopback, "http", "nonsense")).toContain("must be http://");
    // What a name means is only known when the check runs.
    expect(refuseTarget(loopback, "http", "http://metadata.example/")).toBeUndefined();
  });
});
