/**
 * Attacks of several steps, each aimed at one rule: what no sequence of independent faults reaches often enough. Their
 * steps wait for moments of the run, so one that does not come leaves the rest undone.
 */
export const FIRST_NEMESES = [
  "overtaken leader",
  "early reads",
  "vain transfer",
  "lonely change",
  "slow follower",
  "ghost suffix",
  "starved transfer",
  "full disk",
  "ping-pong",
  "damaged entry",
  "unheard removal",
] as const;

/** Each comes from a stream of its own, so that seeds from before it was known keep their meaning. */
export const NEMESES = [...FIRST_NEMESES, "rolling upgrade"] as const;

export type NemesisName = (typeof NEMESES)[number];
