import type { Command } from "./command.ts";
import { ACL_COMMANDS } from "./command-table/acl.ts";
import { BACKUP_COMMANDS } from "./command-table/backup.ts";
import { CLUSTER_COMMANDS } from "./command-table/cluster.ts";
import { KV_COMMANDS } from "./command-table/kv.ts";
import { NODE_COMMANDS } from "./command-table/node.ts";
import { SERVICE_COMMANDS } from "./command-table/services.ts";

/** Every command there is: help, completion and docs are made from it. */
export const COMMANDS: readonly Command[] = [
  ...NODE_COMMANDS,
  ...KV_COMMANDS,
  ...SERVICE_COMMANDS,
  ...CLUSTER_COMMANDS,
  ...BACKUP_COMMANDS,
  ...ACL_COMMANDS,
];
