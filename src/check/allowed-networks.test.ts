import { describe, expect, test } from "bun:test";
import { AllowedNetworks } from "./allowed-networks.ts";

const allow = (...networks: readonly (readonly [address: string, bits: number])[]): AllowedNetworks =>
  new AllowedNetworks(networks.map(([address, bits]) => ({ address, bits })));

describe("networks that checks may connect to", () => {
  test("are none unless named", () => {
    const networks = allow();
    expect(networks.isAny).toBe(false);
    for (const address of ["127.0.0.1", "10.0.0.1", "::1", "8.8.8.8"]) expect(networks.allows(address)).toBe(false);
  });

  test("cover what lies in them, in either family, and mapped addresses as what they are", () => {
    const networks = allow(["10.0.0.0", 8], ["fd12::", 16], ["192.168.1.7", 32]);
    for (const address of ["10.255.0.1", "::ffff:10.1.1.1", "fd12::5", "192.168.1.7"]) {
      expect([address, networks.allows(address)]).toEqual([address, true]);
    }
    for (const address of ["11.0.0.1", "::ffff:11.1.1.1", "fd13::5", "192.168.1.8", "example.org", ""]) {
      expect([address, networks.allows(address)]).toEqual([address, false]);
    }
  });

  test("never cover link-local and metadata addresses by the way", () => {
    const guarded = [
      "169.254.169.254",
      "::ffff:169.254.169.254",
      "169.254.1.1",
      "fe80::1",
      "fd00:ec2::254",
      "100.100.100.200",
    ];
    const everything = allow(["0.0.0.0", 0], ["::", 0]);
    for (const address of guarded) expect([address, everything.allows(address)]).toEqual([address, false]);
    expect(everything.allows("8.8.8.8")).toBe(true);
    const named = allow(["169.254.1.0", 24], ["fe80::", 10]);
    expect(named.allows("169.254.1.1")).toBe(true);
    expect(named.allows("fe80::1")).toBe(true);
    expect(named.allows("169.254.169.254")).toBe(false);
  });
});
