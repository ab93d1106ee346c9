import { CommandFailed } from "./command.ts";

const HOME = "\u001B[H";
const CLEAR = "\u001B[2J";
const TO_LINE_END = "\u001B[K";
const TO_END = "\u001B[J";
const HIDE_CURSOR = "\u001B[?25l";
const SHOW_CURSOR = "\u001B[?25h";

/**
 * Shows `draw` again and again until it is interrupted: on a terminal in place, elsewhere one below the other. What fails
 * at first is a failure of the command; later it is only told, as an agent that is away comes back.
 */
export async function watchScreen(intervalMs: number, draw: () => Promise<string>): Promise<number> {
  const show = process.stdout.isTTY ? showInPlace : showBelow;
  let shown = await draw();
  const interrupted = new Promise<boolean>((resolve) => {
    const end = (): void => resolve(true);
    process.once("SIGINT", end).once("SIGTERM", end);
  });
  if (process.stdout.isTTY) process.stdout.write(HIDE_CURSOR + CLEAR);
  try {
    for (;;) {
      if (shown !== "") show(shown);
      if (await Promise.race([interrupted, Bun.sleep(intervalMs).then(() => false)])) return 0;
      shown = await drawn(draw);
    }
  } finally {
    if (process.stdout.isTTY) process.stdout.write(SHOW_CURSOR);
  }
}

/** Line by line over what stands there: a cleared screen would flicker. */
function showInPlace(shown: string): void {
  process.stdout.write(`${HOME}${shown.replaceAll("\n", `${TO_LINE_END}\n`)}${TO_LINE_END}\n${TO_END}`);
}

function showBelow(shown: string): void {
  process.stdout.write(`${shown}\n`);
}

/** Where output may go into another program, a failure is no part of it. */
async function drawn(draw: () => Promise<string>): Promise<string> {
  try {
    return await draw();
  } catch (cause) {
    if (!(cause instanceof CommandFailed)) throw cause;
    if (process.stdout.isTTY) return `konsul: ${cause.message}`;
    process.stderr.write(`konsul: ${cause.message}\n`);
    return "";
  }
}
