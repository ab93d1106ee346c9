/** How a setting is written. */
export type SettingKind = "text" | "integer" | "flag" | "duration" | "size" | "ratio" | "list" | "choice";

export interface Setting {
  /** Dotted key in the file; flag and variable follow from it unless named. */
  readonly key: string;
  readonly kind: SettingKind;
  /** As it would be written; undefined: none. */
  readonly standard?: string;
  readonly flag?: string;
  readonly variable?: string;
  readonly choices?: readonly string[];
  /** Least and greatest value: plain for integers, ms for durations, bytes for sizes. */
  readonly min?: number;
  readonly max?: number;
  /** Never printed. */
  readonly isSecret?: boolean;
  readonly help: string;
}

export function flagOf(setting: Setting): string {
  const [first = "", ...rest] = setting.key.split(".");
  const name = first === "limits" ? ["limit", ...rest.map((part) => part.replace(/^max_/, "max_"))] : [first, ...rest];
  return setting.flag ?? name.join("-").replaceAll("_", "-");
}

export function variableOf(setting: Setting): string {
  return setting.variable ?? `KONSUL_${setting.key.replaceAll(".", "_").toUpperCase()}`;
}
