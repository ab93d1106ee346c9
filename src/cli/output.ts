import { paint, paintState } from "./colours.ts";

/** Data goes to standard output, with one line end. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

/** A plain table; on a terminal that wants colours the head is bold and states have theirs. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(clean));
  const widths = head.map((name, at) => Math.max(name.length, ...cells.map((row) => Bun.stringWidth(row[at] ?? ""))));
  const line = (row: readonly string[], show: (cell: string) => string): string => {
    const padded = row.map((cell, at) =>
      at === row.length - 1 ? cell : cell + " ".repeat(Math.max(0, (widths[at] ?? 0) - Bun.stringWidth(cell))),
    );
    return padded.map(show).join("  ").trimEnd();
  };
  const first = paint(
    "bold",
    line(head, (name) => name),
  );
  return [first, ...cells.map((row) => line(row, paintState))].join("\n");
}

/** What clients chose as names must not move the cursor of whoever looks at them. */
function clean(cell: string): string {
  return cell.replaceAll(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function text(value: unknown): string {
  if (value === null || value === undefined) return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `1 voter`, `3 voters`. */
export function counted(count: unknown, one: string): string {
  return `${text(count)} ${one}${count === 1 ? "" : "s"}`;
}

/** The rows of a table: these fields of each object of a list. */
export function rowsOf(value: unknown, columns: readonly string[]): string[][] {
  if (!Array.isArray(value)) return [];
  return value.map((item: unknown) => {
    const fields = new Map<string, unknown>(typeof item === "object" && item !== null ? Object.entries(item) : []);
    return columns.map((column) => {
      const field = fields.get(column);
      return Array.isArray(field) ? field.map(String).join(",") : text(field);
    });
  });
}
