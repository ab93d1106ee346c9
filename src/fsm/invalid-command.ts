/** A command with a field out of its bounds: refused before it is encoded. */
export class InvalidCommand extends Error {
  override readonly name = "InvalidCommand";
}
