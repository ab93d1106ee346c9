import { EMPTY_BYTES, memberKey, type Clock, type MemberKey } from "../base/index.ts";
import type { Member, RaftNode } from "../node/index.ts";
import type { PeerCalls } from "./peer-calls.ts";

const CHANGE_MS_MAX = 10_000;
const ASK_MS_MAX = 3_000;
/** A pair that is in two places must not make the membership change back and forth. */
const BETWEEN_MOVES_MS = 60_000;

export interface RecordOptions {
  readonly node: RaftNode;
  readonly clock: Clock;
  readonly calls: Pick<PeerCalls, "ask">;
  readonly note: (message: string, fields: Readonly<Record<string, string>>) => void;
}

/** Whether the membership says what the member says of itself; its role and its key are not its own to choose. */
export function isSameRecord(known: Member, said: Member): boolean {
  return known.address === said.address && isSameBesidesAddress(known, said);
}

/** Puts what a member says of itself into the membership. Whatever becomes of it: the member looks again soon. */
export function putRecord({ node, clock }: Pick<RecordOptions, "node" | "clock">, known: Member, said: Member): void {
  const { name, address, httpAddress, zone, version, commandVersion } = said;
  const member = { ...known, name, address, httpAddress, zone, version, commandVersion };
  const request = { changes: [{ kind: "update", member }], expectIndex: node.status().core.membershipIndex } as const;
  node.change(request, clock.now() + CHANGE_MS_MAX, () => undefined);
}

/**
 * As the leader: takes what members say of themselves over a connection on which they proved their key. A new address
 * is taken over only while nobody answers as that pair at the old one and no other member has it: what is sent there
 * counts as seen by the member.
 */
export class RecordKeeper {
  readonly #options: RecordOptions;
  readonly #movesNotBefore = new Map<MemberKey, number>();

  constructor(options: RecordOptions) {
    this.#options = options;
  }

  take(said: Member): void {
    const { core } = this.#options.node.status();
    const known = core.membership.members.get(memberKey(said.id, said.incarnation));
    if (core.role !== "leader" || known === undefined || isSameRecord(known, said)) return;
    // A copy elsewhere says other things of itself, too: nothing of it is taken before it is known to have moved.
    if (known.address === said.address) return putRecord(this.#options, known, said);
    const isTaken = [...core.membership.members.values()].some(({ address }) => address === said.address);
    if (known.publicKey !== "" && !isTaken) this.#move(known, said);
  }

  #move(known: Member, said: Member): void {
    const { clock, calls, note } = this.#options;
    const key = memberKey(known.id, known.incarnation);
    if (clock.now() < (this.#movesNotBefore.get(key) ?? -Infinity)) return;
    this.#movesNotBefore.set(key, clock.now() + BETWEEN_MOVES_MS);
    const request = { method: "standing", body: EMPTY_BYTES, timeoutMs: ASK_MS_MAX };
    const fields = { member: known.id, from: known.address, to: said.address };
    calls.ask(known.address, request, (_, peer) => {
      if (peer?.key === key) {
        return note("A member says that it moved, but still answers at its old address: nothing is changed", fields);
      }
      note("A member moved: the others are told its new address", fields);
      putRecord(this.#options, known, said);
    });
  }
}

function isSameBesidesAddress(known: Member, said: Member): boolean {
  const isSoftware = known.version === said.version && known.commandVersion === said.commandVersion;
  const isPlace = known.httpAddress === said.httpAddress && known.zone === said.zone;
  return isSoftware && isPlace && known.name === said.name;
}
