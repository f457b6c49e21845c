import type { z } from 'zod';
import type { ColumnSpec, ValueSpec } from './column.ts';
import { EtlError } from './etl-error.ts';
import { losslessText } from './http/lossless-json.ts';
import type { Row } from './row.ts';
import type { RowSchema } from './stream.ts';

/** What `.meta({ etl: … })` may say about a field that zod's own type does not. */
export interface ColumnHint extends Partial<Omit<ValueSpec, 'nullable'>> {
  /** Leave the field out. */
  readonly drop?: boolean;
}

/** Objects inside objects become columns `a__b` down to this depth, and JSON text below it. */
const MAX_DEPTH = 4;

/** An object of more columns than this becomes JSON text: it is a map in disguise. */
const MAX_COLUMNS = 400;

/**
 * The columns of a row schema, in its order. Objects become columns `object__field`, arrays of
 * objects become `nested`, and what has no columns of its own (mixed values, records, arrays inside
 * arrays, objects four levels deep or of more than 400 columns) becomes JSON text.
 * `.meta({ etl: … })` on a field overrides its type (`{ type: 'json' }` keeps an object or an array
 * as text), gives objects a table of their own (`{ storage: 'table' }`) or drops it (`{ drop: true }`).
 */
export function columnsOf(schema: RowSchema): readonly ColumnSpec[] {
  return leavesOf(schema, [], false).map(({ column }) => column);
}

/** Turns typed rows of the schema into rows of its columns. */
export function flattenerOf(schema: RowSchema): (row: Row) => Row {
  const leaves = leavesOf(schema, [], false);
  // A validated row has the fields of its schema and no others, so a flat one is its own result.
  if (leaves.length === Object.keys(schema.shape).length && leaves.every(isUnchanged)) return (row) => row;
  return (row) => {
    const flat: Record<string, unknown> = {};
    for (const { column, path, flatten } of leaves) flat[column.name] = flatten(valueAt(row, path));
    return flat;
  };
}

function isUnchanged({ path, flatten }: Leaf): boolean {
  return path.length === 1 && flatten === unchanged;
}

/** One column, and where its value stands in a typed row. */
interface Leaf {
  readonly column: ColumnSpec;
  readonly path: readonly string[];
  readonly flatten: (value: unknown) => unknown;
}

function leavesOf(schema: z.ZodObject, path: readonly string[], isInNullable: boolean): readonly Leaf[] {
  return Object.entries(schema.shape).flatMap(([name, field]) =>
    leavesOfField(field as z.core.$ZodType, [...path, name], isInNullable),
  );
}

function leavesOfField(field: z.core.$ZodType, path: readonly string[], isInNullable: boolean): readonly Leaf[] {
  const { type, hint: said, isNullable: isItself } = unwrap(field);
  const { drop, ...hint } = said;
  if (drop === true) return [];
  const isNullable = isItself || isInNullable;
  if (hint.type === undefined && isObject(type) && path.length < MAX_DEPTH) {
    const leaves = leavesOf(type, path, isNullable);
    if (leaves.length <= MAX_COLUMNS) return leaves;
  }
  const value: ValueSpec = { ...valueOf(type), ...hint, nullable: isNullable };
  const description = metaOf(field)?.description;
  const column = { name: path.join('__'), ...value, ...(description === undefined ? {} : { description }) };
  return [{ column, path, flatten: flattenValue(type, value) }];
}

function valueOf(type: z.core.$ZodType): ValueSpec {
  if (!isArray(type)) return scalarOf(type);
  const { type: element, hint, isNullable } = unwrap(type.element);
  if (isObject(element) && hint.type === undefined) {
    const fields = leavesOf(element, [], isNullable).map(({ column }) =>
      // One level of objects in arrays is a table of its own; what is deeper stays text in it.
      column.type === 'nested' ? { name: column.name, type: 'json' as const, nullable: true } : column,
    );
    return { type: 'nested', nullable: false, fields };
  }
  const items: ValueSpec = { ...scalarOf(element), ...hint, nullable: isNullable };
  return items.type === 'json' ? { type: 'json', nullable: false } : { type: 'array', nullable: false, items };
}

function flattenValue(type: z.core.$ZodType, value: ValueSpec): (value: unknown) => unknown {
  if (value.type === 'json') return (given) => (given === null || given === undefined ? given : losslessText(given));
  if (value.type !== 'nested' || !isArray(type)) return unchanged;
  const { type: element } = unwrap(type.element);
  const names = new Map(value.fields?.map((field) => [field.name, field]));
  const leaves = leavesOf(element as z.ZodObject, [], false);
  // What would be nested once more is text in it, so it does not stay as it is.
  const isFlat = leaves.every((leaf) => isUnchanged(leaf) && leaf.column.type !== 'nested');
  if (isFlat && leaves.length === Object.keys((element as z.ZodObject).shape).length) return unchanged;
  return (given) => {
    if (!Array.isArray(given)) return given;
    return given.map((item: unknown) => {
      const flat: Record<string, unknown> = {};
      for (const { column, path, flatten } of leaves) {
        const part = valueAt(item, path);
        const isText = names.get(column.name)?.type === 'json' && column.type === 'nested';
        flat[column.name] = isText && part !== undefined && part !== null ? losslessText(part) : flatten(part);
      }
      return flat;
    });
  };
}

function unchanged(value: unknown): unknown {
  return value;
}

function valueAt(row: unknown, path: readonly string[]): unknown {
  if (path.length === 1) return (row as Record<string, unknown> | null | undefined)?.[path[0] as string];
  let value = row;
  for (const name of path) value = (value as Record<string, unknown> | null | undefined)?.[name];
  return value;
}

const WRAPPERS = new Set(['optional', 'nullable', 'default', 'prefault', 'catch', 'readonly', 'nonoptional']);

interface Unwrapped {
  readonly type: z.core.$ZodType;
  readonly hint: ColumnHint;
  readonly isNullable: boolean;
}

/** The type below what only says how it may be absent, and everything that was said on the way. */
function unwrap(field: z.core.$ZodType): Unwrapped {
  const hints: ColumnHint[] = [];
  let isNullable = false;
  let type = field;
  for (;;) {
    hints.push(hintOf(type));
    const definition = type._zod.def as { type: string; innerType?: z.core.$ZodType; out?: z.core.$ZodType };
    if (definition.type === 'optional' || definition.type === 'nullable') isNullable = true;
    if (WRAPPERS.has(definition.type) && definition.innerType !== undefined) {
      type = definition.innerType;
    } else if (
      definition.type === 'pipe' &&
      definition.out !== undefined &&
      definition.out._zod.def.type !== 'transform'
    ) {
      type = definition.out;
    } else {
      // What is said further outside overrides what is said further inside.
      return { type, hint: Object.assign({}, ...hints.toReversed()) as ColumnHint, isNullable };
    }
  }
}

function hintOf(schema: z.core.$ZodType): ColumnHint {
  return (metaOf(schema)?.['etl'] as ColumnHint | undefined) ?? {};
}

// Asked of the schema itself: zod is loaded by those who make schemas, and takes longer than all of this package.
function metaOf(schema: z.core.$ZodType): z.core.GlobalMeta | undefined {
  if (!hasMeta(schema)) {
    throw new EtlError({
      code: 'STREAM_SCHEMA_INVALID',
      kind: 'config',
      message: `A field of type ${schema._zod.def.type} was not made with zod: zod/mini keeps what .meta() says where it cannot be asked.`,
      hint: "Make row schemas with import { z } from 'zod'.",
    });
  }
  return schema.meta();
}

function hasMeta(schema: z.core.$ZodType): schema is z.ZodType {
  return 'meta' in schema;
}

// By name, not by class: the schema may come from another copy of zod.
function isObject(type: z.core.$ZodType): type is z.ZodObject {
  return type._zod.def.type === 'object';
}

function isArray(type: z.core.$ZodType): type is z.ZodArray {
  return type._zod.def.type === 'array';
}

function scalarOf(schema: z.core.$ZodType): ValueSpec {
  const definition = schema._zod.def as { type: string; format?: string; checks?: readonly z.core.$ZodCheck[] };
  const format = definition.format ?? checkFormat(definition.checks) ?? '';
  switch (definition.type) {
    case 'string':
      return { type: STRING_TYPES[format] ?? 'string', nullable: false };
    case 'number':
      return { type: NUMBER_TYPES[format] ?? 'float64', nullable: false };
    case 'bigint':
      return { type: format === 'uint64' ? 'uint64' : 'int64', nullable: false };
    case 'boolean':
      return { type: 'boolean', nullable: false };
    case 'date':
      return { type: 'timestamp', nullable: false };
    case 'enum':
    case 'literal':
    case 'template_literal':
      return { type: 'string', nullable: false };
    default:
      return { type: 'json', nullable: false };
  }
}

const STRING_TYPES: Readonly<Record<string, ValueSpec['type']>> = {
  uuid: 'uuid',
  guid: 'uuid',
  date: 'date',
  time: 'time',
  datetime: 'timestamp',
};

const NUMBER_TYPES: Readonly<Record<string, ValueSpec['type']>> = {
  safeint: 'int64',
  int32: 'int32',
  uint32: 'uint32',
  float32: 'float32',
  float64: 'float64',
};

function checkFormat(checks: readonly z.core.$ZodCheck[] | undefined): string | undefined {
  for (const check of checks ?? []) {
    const { format } = check._zod.def as { format?: string };
    if (format !== undefined) return format;
  }
  return undefined;
}
