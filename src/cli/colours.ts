type Colour = "bold" | "green" | "yellow" | "red" | "dim";

const CODES: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 };

/** What words of the API mean for somebody who looks at a table from afar. */
const COLOUR_OF_WORD: ReadonlyMap<string, Colour> = new Map([
  ["healthy", "green"],
  ["passing", "green"],
  ["leader", "green"],
  ["alive", "green"],
  ["ready", "green"],
  ["degraded", "yellow"],
  ["warning", "yellow"],
  ["candidate", "yellow"],
  ["learner", "yellow"],
  ["unavailable", "red"],
  ["unhealthy", "red"],
  ["critical", "red"],
  ["unreachable", "red"],
]);

/** Only on a terminal, and only when nobody objected (no-color.org). */
export function isColoured(): boolean {
  const end = process.argv.indexOf("--");
  const words = end === -1 ? process.argv : process.argv.slice(0, end);
  const isRefused = (process.env["NO_COLOR"] ?? "") !== "" || process.env["TERM"] === "dumb";
  return process.stdout.isTTY && !isRefused && !words.includes("--no-color");
}

export function paint(colour: Colour, text: string): string {
  return isColoured() ? `\u001B[${CODES[colour]}m${text}\u001B[0m` : text;
}

/** Colours a word that says how something is; any other text stays as it is. Spaces behind it do not matter. */
export function paintState(text: string): string {
  const colour = COLOUR_OF_WORD.get(text.trimEnd());
  return colour === undefined ? text : paint(colour, text);
}
