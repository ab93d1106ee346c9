import type { SceneSetup } from "../scenarios/calm-options.ts";
import type { Scene } from "../scenarios/scene.ts";

/** A schedule that a mutant does not survive: it takes moments which seeds meet too rarely. */
export interface Schedule {
  readonly setup: SceneSetup;
  readonly play: (scene: Scene) => void;
}
