import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildPatched, type Patch } from "./sabotage/sabotaged-build.ts";

const { version } = Object(JSON.parse(readFileSync(join(import.meta.dir, "..", "..", "package.json"), "utf8")));

/** The release that follows this one, as the tests imagine it. */
export const NEWER_VERSION = "9.0.0";

/**
 * Knows one more cluster version and one more command: `kv-store`, which writes a key as `kv-set` does, under a type byte
 * that this release does not know. Once the cluster is raised, every `PUT /kv` is written with it.
 */
const PATCHES: readonly Patch[] = [
  { file: "package.json", line: `"version": "${String(version)}"`, broken: `"version": "${NEWER_VERSION}"` },
  {
    file: "src/base/build-info.ts",
    line: "export const CLUSTER_VERSION_MAX = 1;",
    broken: "export const CLUSTER_VERSION_MAX = 2;",
  },
  { file: "src/fsm/command-versions.ts", line: "  once: 1,", broken: '  once: 1,\n  "kv-store": 2,' },
  {
    file: "src/fsm/kv/kv-command-codec.ts",
    line: '    case "kv-set":',
    broken: '    case "kv-store":\n    case "kv-set":',
  },
  {
    file: "src/fsm/kv/kv-command-codec.ts",
    line: "writer.u8(KV_TYPES.set)",
    broken: 'writer.u8(command.kind === "kv-store" ? 0x1f : KV_TYPES.set)',
  },
  {
    file: "src/fsm/kv/kv-command-codec.ts",
    line: "if (type === KV_TYPES.set) {",
    broken: "if (type === KV_TYPES.set || type === 0x1f) {",
  },
  {
    file: "src/replica/replica.ts",
    line: "const refusal = this.#refusalOf(command);",
    broken:
      'if (command.kind === "kv-set" && this.clusterVersion() >= 2) command = { ...command, kind: "kv-store" };\n      const refusal = this.#refusalOf(command);',
  },
];

export function buildNewer(): string {
  return buildPatched(PATCHES);
}
