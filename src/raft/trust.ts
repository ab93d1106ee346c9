import type { MemberKey } from "../base/index.ts";
import type { State } from "./state.ts";

/**
 * Whether what a pair grants or acknowledges counts for anything, also if it was said before the trouble was known: its
 * disk kept its promises, as far as is known, and one process alone speaks for it.
 */
export function isCounted(s: State, key: MemberKey): boolean {
  return !s.distrusted.has(key) && !s.duplicates.has(key);
}
