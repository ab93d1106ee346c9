import type { Command } from "./commands.ts";

/**
 * From which cluster version on each command may be written: the one place that says so. A new command, also one that
 * stands for a changed meaning, gets the next version; what exists never changes its number.
 */
export const COMMAND_SINCE: Readonly<Record<Command["kind"], number>> = {
  "kv-set": 1,
  "kv-delete": 1,
  "kv-delete-prefix": 1,
  "kv-txn": 1,
  "service-register": 1,
  "service-deregister": 1,
  "service-status": 1,
  "service-checked": 1,
  "session-create": 1,
  "session-destroy": 1,
  "lock-acquire": 1,
  "lock-release": 1,
  "acl-policy-set": 1,
  "acl-policy-delete": 1,
  "acl-token-create": 1,
  "acl-token-update": 1,
  "acl-token-delete": 1,
  "acl-bootstrap": 1,
  "restore-begin": 1,
  "restore-chunk": 1,
  "restore-commit": 1,
  "restore-abort": 1,
  "settings-set": 1,
  once: 1,
};

export function commandSince(kind: Command["kind"]): number {
  return COMMAND_SINCE[kind];
}
