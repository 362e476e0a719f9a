// The parts of an OpenAPI document that the reference page shows.

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: Schema | boolean;
  /** Of the JSON in a text. */
  contentSchema?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

export interface Example {
  $ref?: string;
  value?: unknown;
}

export interface Media {
  schema?: Schema;
  example?: unknown;
  examples?: Record<string, Example>;
}

export interface Body {
  description?: string;
  content?: Record<string, Media>;
}

export interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

export interface Operation {
  operationId: string;
  summary?: string;
  description?: string;
  tags: string[];
  parameters?: Parameter[];
  requestBody?: Body;
  responses: Record<string, Body>;
  security?: Record<string, string[]>[];
}

export interface ApiDocument {
  info: { title: string; version: string; description?: string };
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; examples: Record<string, Example> };
}

export interface Route {
  method: string;
  path: string;
  operation: Operation;
}

// The operations of a tag, in the order of their paths.
export function routesOf(document: ApiDocument, tag: string): Route[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, operation]) => operation.tags.includes(tag))
      .map(([method, operation]) => ({ method, path, operation })),
  );
}

const nameOf = (reference: string) => reference.slice(reference.lastIndexOf("/") + 1);

// The schema behind a reference, with the parts of an `allOf` in one.
export function resolve(document: ApiDocument, schema: Schema): Schema {
  if (schema.$ref) return resolve(document, document.components.schemas[nameOf(schema.$ref)] ?? {});
  if (!schema.allOf) return schema;
  const parts = schema.allOf.map((part) => resolve(document, part));
  return {
    ...schema,
    properties: Object.assign({}, ...parts.map((part) => part.properties ?? {})) as Record<
      string,
      Schema
    >,
    required: parts.flatMap((part) => part.required ?? []),
  };
}

// The value of an example.
export function exampleValue(document: ApiDocument, example: Example): unknown {
  return example.$ref ? document.components.examples[nameOf(example.$ref)]?.value : example.value;
}

// The type of a schema in a few words.
export function typeOf(document: ApiDocument, schema: Schema): string {
  const found = resolve(document, schema);
  const variants = found.oneOf ?? found.anyOf;
  if (found.enum) return found.enum.map(String).join(" | ");
  if (variants) {
    const kinds = variants.filter((one) => one.type !== "null").map((one) => typeOf(document, one));
    return [...new Set(kinds)].join(" | ");
  }
  if (found.items) return `list of ${typeOf(document, found.items)}`;
  const kinds = [found.type ?? []].flat().filter((kind) => kind !== "null");
  return (found.format === "date-time" ? ["time, RFC 3339"] : kinds).join(" | ");
}

// The description of a schema, which may be beside a reference in it.
export function descriptionOf(schema: Schema): string | undefined {
  const variants = schema.oneOf ?? schema.anyOf ?? [];
  return schema.description ?? variants.find((one) => one.description)?.description;
}

// The forms that an object may have; none if it has but one.
export function formsOf(document: ApiDocument, schema: Schema): Schema[] {
  const found = resolve(document, schema);
  const forms = (found.oneOf ?? found.anyOf ?? []).filter(
    (one) => membersOf(document, one).length > 0,
  );
  return forms.length > 1 ? forms : [];
}

// The members of an object, of the objects in a list, or of the JSON in a text.
export function membersOf(document: ApiDocument, schema: Schema): [string, Schema, boolean][] {
  const found = resolve(document, schema);
  if (found.items) return membersOf(document, found.items);
  if (found.contentSchema) return membersOf(document, found.contentSchema);
  const only = (found.oneOf ?? found.anyOf)?.filter((one) => one.type !== "null");
  if (only?.length === 1 && only[0]) return membersOf(document, only[0]);
  const members = Object.entries(found.properties ?? {}).map(
    ([name, member]): [string, Schema, boolean] => [
      name,
      member,
      found.required?.includes(name) ?? false,
    ],
  );
  // The required ones first.
  return members.sort((a, b) => Number(b[2]) - Number(a[2]));
}

// The scopes that open an operation, each once.
export function scopesOf(operation: Operation): string[] {
  const scopes = (operation.security ?? []).flatMap((one) => Object.values(one).flat());
  return [...new Set(scopes)];
}
