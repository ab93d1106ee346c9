/**
 * Attacks of several steps, each aimed at one rule: what no sequence of independent faults reaches often enough. Their
 * steps wait for moments of the run, so one that does not come leaves the rest undone.
 */
export const NEMESES = [
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

export type NemesisName = (typeof NEMESES)[number];
