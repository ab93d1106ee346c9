import { fromUtf8, utf8, type LogIndex } from "../base/index.ts";
import { KEY_BODY } from "./bodies.ts";
import { ApiError, badRequest } from "./errors.ts";
import { parseExact } from "./exact-json.ts";
import { parseFlags } from "./flags.ts";
import { namesOf, refuseUnknown, type ObjectSchema } from "./schema.ts";

/** JSON text of a value may be this much longer than the value: escapes and base64. */
const JSON_GROWTH = 6;

export interface WrittenValue {
  readonly value: Uint8Array;
  readonly flags: bigint;
  readonly cas: LogIndex | undefined;
}

function tooLarge(sizeMax: number): ApiError {
  return new ApiError("too_large", `The body has more than the ${sizeMax} bytes that are allowed`);
}

/**
 * Never holds more than that in memory, whatever is sent. Not asynchronous itself: one more promise around that of the bytes
 * would take three turns of the queue. @throws ApiError too_large (or rejects with it)
 */
export function readBytes(request: Request, sizeMax: number): Promise<Uint8Array> {
  const { headers } = request;
  const declared = headers.get("content-length");
  const isDeclared = declared !== null && !headers.has("transfer-encoding");
  if (isDeclared && Number(declared) > sizeMax) throw tooLarge(sizeMax);
  // What was declared is what comes: the server itself sees to that.
  return isDeclared ? request.bytes() : readStream(request, sizeMax);
}

async function readStream(request: Request, sizeMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const body: AsyncIterable<Uint8Array> | readonly Uint8Array[] = request.body ?? [];
  for await (const part of body) {
    size += part.length;
    if (size > sizeMax) throw tooLarge(sizeMax);
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

export function isJson(request: Request): boolean {
  const type = request.headers.get("content-type");
  return type !== null && /^application\/([\w.+-]*\+)?json\b/i.test(type);
}

/** @throws ApiError invalid_json */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    // Some editors put a byte order mark before JSON.
    return parseExact(fromUtf8(bytes).replace(/^\ufeff/, ""));
  } catch (cause) {
    throw new ApiError(
      "invalid_json",
      `The body is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
}

/** A body that is an object with no other fields than these. @throws ApiError that names the field */
export async function readFields(
  request: Request,
  schema: ObjectSchema,
  sizeMax: number,
): Promise<Readonly<Record<string, unknown>>> {
  const body = parseJson(await readBytes(request, sizeMax));
  if (!isRecord(body)) throw badRequest("body", `must be a JSON object with fields out of ${namesOf(schema)}`);
  refuseUnknown(body, schema);
  return body;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as it is written to a key: JSON with fields, or raw bytes of any other type. */
export async function readValue(request: Request, valueBytesMax: number): Promise<WrittenValue | Uint8Array> {
  if (!isJson(request)) {
    return checkSize(await readBytes(request, valueBytesMax), valueBytesMax);
  }
  const body = parseJson(await readBytes(request, valueBytesMax * JSON_GROWTH + 4096));
  if (!isRecord(body)) throw badRequest("body", 'must be an object such as {"value": "text"}');
  refuseUnknown(body, KEY_BODY);
  return {
    value: checkSize(valueOf(body), valueBytesMax),
    flags: parseFlags(body["flags"]),
    cas: parseCas(body["cas"]),
  };
}

export function valueOf(body: Readonly<Record<string, unknown>>): Uint8Array {
  const { value, value_base64: base64 } = body;
  if ((value === undefined) === (base64 === undefined))
    throw badRequest("value", "must be there, or value_base64, and not both");
  if (value !== undefined) {
    if (typeof value !== "string")
      throw badRequest("value", "must be text; bytes go into value_base64, structures are sent as text");
    if (!value.isWellFormed()) throw badRequest("value", "holds half a surrogate pair: it is no Unicode text");
    return utf8(value);
  }
  if (typeof base64 !== "string" || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) {
    throw badRequest("value_base64", "must be base64 with padding");
  }
  return new Uint8Array(Buffer.from(base64, "base64"));
}

export function checkSize(value: Uint8Array, sizeMax: number): Uint8Array {
  if (value.length > sizeMax)
    throw new ApiError("too_large", `The value has ${value.length} bytes, where at most ${sizeMax} are allowed`);
  return value;
}

function parseCas(value: unknown): LogIndex | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw badRequest("cas", `must be a whole number from 0: it is ${JSON.stringify(value)}`);
}
