import type { AclResult } from "./acl/acl-command.ts";
import type { KvResult } from "./kv/kv-result.ts";
import type { OnceResult } from "./once/once-command.ts";
import type { RestoreResult } from "./restore/restore-command.ts";
import type { ServiceResult } from "./services/service-command.ts";
import type { SessionResult } from "./sessions/session-command.ts";
import type { SettingsResult } from "./settings/settings-command.ts";

/** What applying an entry came to. `applied`: the entry was no command. */
export type FsmResult =
  | KvResult
  | ServiceResult
  | SessionResult
  | AclResult
  | RestoreResult
  | SettingsResult
  | OnceResult
  | { readonly kind: "applied" };

/** Domains whose results say so in their kind; those of keys came first and do not. */
const NOT_KV = ["applied", "service-", "session-", "lock-", "acl-", "restore-", "settings-", "once-"];

export function isServiceResult(result: FsmResult): result is ServiceResult {
  return result.kind.startsWith("service-");
}

export function isKvResult(result: FsmResult): result is KvResult {
  return !NOT_KV.some((start) => result.kind.startsWith(start));
}

export function isSessionResult(result: FsmResult): result is SessionResult {
  return result.kind.startsWith("session-") || result.kind.startsWith("lock-");
}

export function isAclResult(result: FsmResult): result is AclResult {
  return result.kind.startsWith("acl-");
}

export function isRestoreResult(result: FsmResult): result is RestoreResult {
  return result.kind.startsWith("restore-");
}
