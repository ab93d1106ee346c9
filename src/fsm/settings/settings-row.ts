import { utf8, type LogIndex } from "../../base/index.ts";
import type { RowFormat } from "../state/state-table.ts";

/** A group of settings as JSON. Frozen. */
export interface SettingsRow {
  readonly text: string;
  readonly modifyIndex: LogIndex;
}

export const settingsRowFormat: RowFormat<SettingsRow> = {
  section: 9,
  name: "settings",
  write: (writer, { text, modifyIndex }) => {
    writer.text(text).u53(modifyIndex);
  },
  read: (reader) => Object.freeze({ text: reader.text(), modifyIndex: reader.u53() }),
  hash: (hasher, { text, modifyIndex }) => {
    hasher.bytes(utf8(text)).number(modifyIndex);
  },
  sizeBytes: ({ text }) => text.length,
};
