import type { LogIndex } from "../../base/index.ts";
import type { CheckStatus } from "./check-status.ts";
import type { ServiceInstance } from "./service-row.ts";

/** Registers an instance, or changes it. `cas`: only if its modify index is this one; 0: only if it is absent. */
export interface ServiceRegister {
  readonly kind: "service-register";
  readonly name: string;
  readonly id: string;
  readonly instance: ServiceInstance;
  readonly cas?: LogIndex;
}

/** Removes one instance; without `id` all of the name. `ifIndex`: only if the instance's modify index is this one. */
export interface ServiceDeregister {
  readonly kind: "service-deregister";
  readonly name: string;
  readonly id?: string;
  readonly ifIndex?: LogIndex;
}

/** Sets the status of instances. One that is absent, or not of the index named, is left out. */
export interface ServiceStatus {
  readonly kind: "service-status";
  readonly updates: readonly StatusUpdate[];
}

export interface StatusUpdate {
  readonly name: string;
  readonly id: string;
  readonly status: CheckStatus;
  /** Why, in words. */
  readonly output: string;
  readonly ifIndex?: LogIndex;
}

/** What checks that the cluster runs came to. One that is not there any more, or not since then, is left out. */
export interface ServiceChecked {
  readonly kind: "service-checked";
  readonly updates: readonly CheckUpdate[];
}

export interface CheckUpdate {
  readonly name: string;
  readonly id: string;
  readonly check: string;
  /** The index since when the check is as it was when it ran. */
  readonly since: LogIndex;
  readonly status: CheckStatus;
  readonly output: string;
}

export type ServiceCommand = ServiceRegister | ServiceDeregister | ServiceStatus | ServiceChecked;

/** What applying a service command came to. */
export type ServiceResult =
  | { readonly kind: "service-registered"; readonly modifyIndex: LogIndex; readonly createIndex: LogIndex }
  | { readonly kind: "service-deregistered"; readonly count: number; readonly modifyIndex: LogIndex }
  /** `missing` counts updates of absent or changed instances and checks. */
  | { readonly kind: "service-status-set"; readonly changed: number; readonly missing: number }
  /** `modifyIndex` is the current one; 0: the instance is absent. */
  | { readonly kind: "service-conflict"; readonly modifyIndex: LogIndex }
  | { readonly kind: "service-not-found" };
