import { BlockList, isIP } from "node:net";

/** Link-local addresses, and those where clouds hand out their machines' secrets. */
const GUARDED: readonly (readonly [address: string, bits: number])[] = [
  ["169.254.0.0", 16],
  ["100.100.100.200", 32],
  ["fe80::", 10],
  ["fd00:ec2::254", 128],
];

/** A range of addresses, by the length of its prefix. */
export interface Network {
  readonly address: string;
  readonly bits: number;
}

function listOf(networks: readonly Network[]): BlockList {
  const list = new BlockList();
  for (const { address, bits } of networks) list.addSubnet(address, bits, familyOf(address));
  return list;
}

/**
 * Where checks may connect to: since they connect where a client says, nowhere unless networks are named. A network
 * that is named covers link-local and metadata addresses only if it lies within their own range.
 */
export class AllowedNetworks {
  readonly #isAny: boolean;
  readonly #wide: BlockList;
  readonly #narrow: BlockList;
  readonly #guarded: BlockList;

  constructor(networks: readonly Network[]) {
    this.#isAny = networks.length > 0;
    const guarded = GUARDED.map(([address, bits]) => ({ address, bits }));
    this.#guarded = listOf(guarded);
    const isNarrow = (network: Network): boolean =>
      guarded.some(
        (range) => network.bits >= range.bits && listOf([range]).check(network.address, familyOf(network.address)),
      );
    this.#narrow = listOf(networks.filter(isNarrow));
    this.#wide = listOf(networks);
  }

  /** Whether anything is allowed at all. */
  get isAny(): boolean {
    return this.#isAny;
  }

  /** @param address of IPv4 or IPv6 */
  allows(address: string): boolean {
    if (isIP(address) === 0) return false;
    const family = familyOf(address);
    return this.#guarded.check(address, family)
      ? this.#narrow.check(address, family)
      : this.#wide.check(address, family);
  }
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}
