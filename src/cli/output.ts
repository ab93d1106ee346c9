/** Data goes to standard output, with one line end. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2));
}

/** A plain table; the head in bold on a terminal that wants colours. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => (row[at] ?? "").length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd();
  const isColoured =
    process.stdout.isTTY && process.env["NO_COLOR"] === undefined && !process.argv.includes("--no-color");
  const first = isColoured ? `\u001B[1m${line(head)}\u001B[0m` : line(head);
  return [first, ...rows.map(line)].join("\n");
}

export function text(value: unknown): string {
  if (value === null || value === undefined) return "-";
  return typeof value === "string" ? value : JSON.stringify(value);
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
