import { badRequest } from "./errors.ts";

/** As much of OpenAPI's schemas as this API's bodies need. */
export interface Schema {
  readonly type: "string" | "integer" | "boolean" | "array" | "object";
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: Schema | { readonly oneOf: readonly ObjectSchema[] };
  readonly additionalProperties?: false | Schema;
  readonly example?: unknown;
}

/** An object that takes these fields and no other: the document shows them, and what reads a body refuses the rest. */
export interface ObjectSchema extends Schema {
  readonly type: "object";
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** Exactly one of these fields is there. */
  readonly oneOf?: readonly { readonly required: readonly [string] }[];
  readonly additionalProperties: false;
}

type Fields = Readonly<Record<string, Schema>>;
type More = Partial<Pick<Schema, "description" | "enum" | "minimum" | "maximum" | "format" | "maxItems">>;

export function object(
  properties: Fields,
  { required = [], oneOf = [] }: { readonly required?: readonly string[]; readonly oneOf?: readonly string[] } = {},
): ObjectSchema {
  return {
    type: "object",
    properties,
    ...(required.length === 0 ? {} : { required }),
    ...(oneOf.length === 0 ? {} : { oneOf: oneOf.map((name) => ({ required: [name] as const })) }),
    additionalProperties: false,
  };
}

export function text(example: string, more: More = {}): Schema {
  return { type: "string", ...more, example };
}

export function duration(example: string, description: string): Schema {
  return text(example, { description: `${description}; a duration such as 500ms, 30s or 5m` });
}

export function integer(example: number, more: More = {}): Schema {
  return { type: "integer", minimum: 0, ...more, example };
}

export function flag(description: string): Schema {
  return { type: "boolean", description, example: true };
}

export function list(
  items: NonNullable<Schema["items"]>,
  example: readonly unknown[],
  more: Pick<More, "description" | "maxItems"> = {},
): Schema {
  return { type: "array", items, ...more, example };
}

export function namesOf({ properties }: ObjectSchema): string {
  return Object.keys(properties).join(", ");
}

/** A field that the schema does not have; undefined: there is none. */
export function unknownField(
  body: Readonly<Record<string, unknown>>,
  { properties }: ObjectSchema,
): string | undefined {
  for (const field of Object.keys(body)) if (!Object.hasOwn(properties, field)) return field;
  return undefined;
}

/** @throws ApiError that names a field which the body does not take */
export function refuseUnknown(body: Readonly<Record<string, unknown>>, schema: ObjectSchema): void {
  const field = unknownField(body, schema);
  if (field !== undefined) throw badRequest(field, `is no field of this body; it takes ${namesOf(schema)}`);
}
