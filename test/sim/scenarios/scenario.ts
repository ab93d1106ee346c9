import type { Scene } from "./scene.ts";
import type { SceneSetup } from "./calm-options.ts";

/** A rule that a scenario is about, broken as changes of source text: the scenario must fail with them. */
export interface Break {
  readonly breaks: string;
  /** Several where one rule is held in two places. */
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
}

/** One schedule. */
export interface Scenario {
  /** Part and number of the attack that it plays. */
  readonly attack: string;
  /** What must come out, as a sentence. */
  readonly claim: string;
  readonly setup: SceneSetup;
  readonly play: (scene: Scene) => void;
  readonly broken: readonly Break[];
}
