export type * from "./acl/acl-command.ts";
export { ACL_LIMITS } from "./acl/acl-command-codec.ts";
export type { AclIdentity, AclQueries } from "./acl/acl-queries.ts";
export { ANONYMOUS, MANAGEMENT_POLICY, type AclPolicyRow, type AclTokenRow } from "./acl/acl-row.ts";
export * from "./acl/acl-rule.ts";
export * from "./command-versions.ts";
export * from "./commands.ts";
export * from "./feed/change.ts";
export type * from "./feed/change-feed.ts";
export * from "./fsm-result.ts";
export * from "./invalid-command.ts";
export * from "./konsul-fsm.ts";
export * from "./kv/kv-command.ts";
export * from "./kv/kv-result.ts";
export type * from "./kv/kv-queries.ts";
export type { KvRow } from "./kv/kv-row.ts";
export * from "./limits.ts";
export type * from "./restore/restore-command.ts";
export { RESTORE_CHUNK_BYTES_MAX } from "./restore/restore-command-codec.ts";
export type * from "./once/once-command.ts";
export type * from "./settings/settings-command.ts";
export type * from "./sessions/session-command.ts";
export { SESSION_LIMITS } from "./sessions/session-command-codec.ts";
export type { SessionEntry, SessionQueries } from "./sessions/session-queries.ts";
export type { SessionRow } from "./sessions/session-row.ts";
export type * from "./services/service-command.ts";
export { SERVICE_LIMITS } from "./services/service-command-codec.ts";
export type { ServiceEntry, ServiceQueries } from "./services/service-queries.ts";
export { UNCHECKED, type ActiveCheck, type CheckState } from "./services/active-check.ts";
export type { CheckStatus } from "./services/check-status.ts";
export {
  overallStatus,
  parseServiceKey,
  serviceKey,
  type ServiceInstance,
  type ServiceRow,
} from "./services/service-row.ts";
export { SNAPSHOT_FORMAT } from "./snapshot/format.ts";
export type { FrozenState, StateMoment } from "./snapshot/freeze-state.ts";
export { RestoreFailed, type RestoreClaim } from "./snapshot/restore-state.ts";
export type { RowFormat, TableFactory } from "./state/state-table.ts";
export { HASH_VERSION } from "./state/row-hash.ts";
export { createPageTable } from "./table/page-table.ts";
export { keyAfter, prefixEnd, startsWithBytes } from "./table/byte-keys.ts";
export { createSortedArrayTable } from "./table/sorted-array-table.ts";
