import { expect, test } from "bun:test";
import { loadConfig } from "../config/index.ts";
import { ownMember } from "./node-settings.ts";

function httpAddress(flags: Readonly<Record<string, string>>): string {
  const given = new Map(Object.entries({ insecure: "true", ...flags }).map(([name, text]) => [name, [text]]));
  const config = loadConfig({ flags: given, environment: {} });
  if (!config.ok) throw new Error(JSON.stringify(config.error));
  return ownMember(config.value, undefined).httpAddress;
}

test("clients are sent to an address that they can reach", () => {
  expect(httpAddress({})).toBe("127.0.0.1:8888");
  expect(httpAddress({ host: "10.0.1.10", port: "80" })).toBe("10.0.1.10:80");
  expect(httpAddress({ host: "fd00::1" })).toBe("[fd00::1]:8888");
  expect(httpAddress({ host: "0.0.0.0", "http-advertise-addr": "konsul.example:1" })).toBe("konsul.example:1");
  // Everywhere is nowhere: peers reach this machine there.
  const everywhere = { raft: "true", "raft-bind-addr": "0.0.0.0:7000" };
  expect(httpAddress({ ...everywhere, host: "0.0.0.0", "raft-advertise-addr": "10.0.1.10:7000" })).toBe(
    "10.0.1.10:8888",
  );
  expect(httpAddress({ ...everywhere, host: "::", "raft-advertise-addr": "[fd00::1]:7000" })).toBe("[fd00::1]:8888");
});
