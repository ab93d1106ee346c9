import type { Cut, Passing } from "./peer-proxy.ts";

/** Who takes part in a forwarded write whose key is `marker`. */
export interface Parts {
  readonly leader: string;
  readonly forwarder: string;
  readonly marker: string;
}

/** A moment in the life of a forwarded write. */
export interface Step {
  readonly name: string;
  readonly cut: (parts: Parts) => Cut;
}

type Share = (size: number) => number;
const SHARES: readonly (readonly [string, Share])[] = [
  ["nothing of it", () => 0],
  ["one byte of it", () => 1],
  ["half of it", (size) => size >> 1],
  ["all but one byte", (size) => size - 1],
  ["all of it", (size) => size],
];
const [NOTHING, , , , ALL] = SHARES;

function at(
  what: string,
  [name, share]: readonly [string, Share],
  isIt: (parts: Parts, frame: Passing) => boolean,
): Step {
  return { name: `${what}: ${name}`, cut: (parts) => (frame) => (isIt(parts, frame) ? share(frame.size) : undefined) };
}

function isCall({ leader, forwarder, marker }: Parts, { from, to, kind, body }: Passing): boolean {
  return kind === "call" && from === forwarder && to === leader && body.includes(marker);
}

function isAnswer({ leader, forwarder, marker }: Parts, { from, to, kind, body }: Passing): boolean {
  return kind === "answer" && from === leader && to === forwarder && body.includes(marker);
}

function isAppend({ leader, marker }: Parts, { from, kind, body }: Passing): boolean {
  return kind === "messages" && from === leader && body.includes(marker);
}

/** The followers have it, and the leader does not hear of that. */
const unheard: Step = {
  name: "on the disks of the followers, their replies held",
  cut: (parts) => {
    let isSent = false;
    return (frame) => {
      isSent ||= isAppend(parts, frame);
      return isSent && frame.kind === "messages" && frame.to === parts.leader && frame.body.length > 0 ? 0 : undefined;
    };
  },
};

/** From the first byte to the last one. */
export const STEPS: readonly Step[] = [
  ...SHARES.map((share) => at("the request on its way to the leader", share, isCall)),
  ...[NOTHING, ALL].flatMap((share) =>
    share === undefined ? [] : [at("the entry on its way to the first follower", share, isAppend)],
  ),
  unheard,
  ...SHARES.map((share) => at("the answer on its way back", share, isAnswer)),
];
