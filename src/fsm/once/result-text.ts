/** What a command came to, as text that gives the very same back. Results hold bytes and big integers beside JSON. */
export function resultToText(result: unknown): string {
  return JSON.stringify(result, (_, value: unknown) => {
    if (typeof value === "bigint") return { "~n": value.toString() };
    if (value instanceof Uint8Array) return { "~b": Buffer.from(value).toString("base64") };
    return value;
  });
}

export function resultFromText(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if ("~n" in value && typeof value["~n"] === "string") return BigInt(value["~n"]);
    if ("~b" in value && typeof value["~b"] === "string") return new Uint8Array(Buffer.from(value["~b"], "base64"));
    return value;
  });
}
