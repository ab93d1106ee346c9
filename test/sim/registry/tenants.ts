import type { World } from "../world.ts";
import { FollowerOfChanges } from "./follower-of-changes.ts";
import { Holder } from "./holder.ts";
import { Instance } from "./instance.ts";
import { Repeater } from "./repeater.ts";
import type { Tenant } from "./tenant.ts";
import { Watcher } from "./watcher.ts";

const KINDS = [Holder, Holder, Holder, Instance, Instance, Repeater, Watcher, FollowerOfChanges] as const;

/** Clients of everything that stands above the log. */
export function startTenants(world: World): readonly Tenant[] {
  const tenants = KINDS.map((Kind) => new Kind(world, world.random.fork()));
  for (const tenant of tenants) tenant.start();
  return tenants;
}
