import type { LogIndex } from "../../base/index.ts";

/** Sets a group of settings that all nodes share. */
export interface SettingsSet {
  readonly kind: "settings-set";
  /** The group, such as `autopilot`. */
  readonly name: string;
  /** JSON; what it may hold is decided before it is proposed. */
  readonly text: string;
}

export type SettingsResult = { readonly kind: "settings-changed"; readonly modifyIndex: LogIndex };
