import { EtlError, type ColumnSpec, type StreamSpec, type ValueSpec } from '@etl/core';
import type { BinaryType } from './binary-type.ts';
import type { CatalogColumn, CatalogTable } from './catalog.ts';
import { identifier, qualified } from './identifier.ts';
import { streamName } from './stream-name.ts';
import { ValueError } from './value-error.ts';
import type { ReplacedValues } from './replaced-values.ts';
import { TEXT, valueType, type Replace, type TypeRow, type ValueType } from './value-type.ts';

/** A column with the way to read its values: what cannot be held is an error, or is replaced and counted. */
export interface StreamColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
  readonly spec: ValueSpec;
  readonly parse: (text: string) => unknown;
  /** See `ValueType.hasCommas`. */
  readonly hasCommas: boolean;
  /** See `ValueType.isZoned`. */
  readonly isZoned: boolean;
  /** See `ValueType.binary`. */
  readonly binary: BinaryType | undefined;
}

/** A table and the stream it becomes. */
export interface TableStream {
  readonly name: string;
  readonly table: CatalogTable;
  readonly spec: StreamSpec;
  readonly columns: readonly StreamColumn[];
  readonly columnByName: ReadonlyMap<string, StreamColumn>;
  /** Key of a row's version. */
  readonly versionKey: string;
  /** Key of the mark of a deleted row. */
  readonly deletedKey: string;
}

/**
 * @param replaced Counts values that cannot be held and become NULL; absent where they are errors.
 * @throws `PG_TABLE_KEYLESS` (config) when nothing identifies the table's rows.
 */
export function tableStream(
  table: CatalogTable,
  types: ReadonlyMap<number, TypeRow>,
  replaced?: ReplacedValues,
): TableStream {
  const key = requireKey(table);
  const name = streamName(table.schema, table.table);
  const published = table.columns.filter((column) => column.isPublished);
  const names = new Set(published.map((column) => column.name));
  const versionKey = unusedName('_version', names);
  const deletedKey = unusedName('_deleted', names);
  const columns = published.map((column) =>
    streamColumn(column, columnType(column, key.includes(column.name), types), {
      // A key cannot be NULL.
      replace: key.includes(column.name) ? undefined : replaced?.counter(name, column.name),
    }),
  );
  return {
    name,
    table,
    columns,
    columnByName: new Map(columns.map((column) => [column.name, column])),
    versionKey,
    deletedKey,
    spec: {
      name,
      columns: published.map((column) => columnSpec(column, key, types)),
      primaryKey: key,
      writeDisposition: 'merge',
      versionColumn: versionKey,
      deletedColumn: deletedKey,
    },
  };
}

// Only key columns are declared NOT NULL: a column may be dropped, or lose its NOT NULL, at any time.
function columnSpec(column: CatalogColumn, key: readonly string[], types: ReadonlyMap<number, TypeRow>): ColumnSpec {
  const isKey = key.includes(column.name);
  return { name: column.name, ...columnType(column, isKey, types).spec, nullable: !isKey };
}

// An array may hold NULLs, which a key of a destination may not: there its text is the key.
function columnType(column: CatalogColumn, isKey: boolean, types: ReadonlyMap<number, TypeRow>): ValueType {
  const type = valueType(column.type, column.modifier, types);
  return isKey && type.spec.type === 'array' ? TEXT : type;
}

function streamColumn(
  column: CatalogColumn,
  { spec, parse, hasCommas = false, isZoned = false, binary }: ValueType,
  { replace }: { readonly replace: Replace | undefined },
): StreamColumn {
  return {
    name: column.name,
    typeOid: column.type,
    typeModifier: column.modifier,
    spec: { ...spec, nullable: true },
    parse: (text) => parse(text, replace),
    hasCommas,
    isZoned,
    binary,
  };
}

function requireKey(table: CatalogTable): readonly string[] {
  const name = `${table.schema}.${table.table}`;
  const alter = `ALTER TABLE ${qualified(table.schema, table.table)}`;
  const candidate = table.identityCandidate;
  const identity = candidate === null ? undefined : `${alter} REPLICA IDENTITY USING INDEX ${identifier(candidate)};`;
  if (table.identity === 'n') {
    throw keyless(
      table,
      `The table ${name} has REPLICA IDENTITY NOTHING, so its updates and deletes are not published`,
      table.key === null ? identity : `${alter} REPLICA IDENTITY DEFAULT;`,
    );
  }
  if (table.key === null) {
    throw keyless(table, `The table ${name} has neither a primary key nor a replica identity index`, identity);
  }
  if (table.isKeyDeferrable && table.identity !== 'f') {
    throw keyless(
      table,
      `The primary key of the table ${name} is deferrable, so PostgreSQL refuses to publish its updates`,
      `${alter} REPLICA IDENTITY FULL;`,
    );
  }
  const published = new Set(table.columns.filter((column) => column.isPublished).map((column) => column.name));
  const missing = table.key.find((column) => !published.has(column));
  if (missing !== undefined) {
    throw new EtlError({
      code: 'PG_TABLE_KEYLESS',
      kind: 'config',
      message: `The publication leaves out ${missing}, a key column of the table ${name}.`,
      hint: 'Add the column to the column list of the publication, or exclude the table.',
      context: { stream: streamName(table.schema, table.table) },
    });
  }
  return table.key;
}

function keyless(table: CatalogTable, problem: string, cure: string | undefined): EtlError {
  const key =
    'Add a primary key, or a unique index of NOT NULL columns that REPLICA IDENTITY USING INDEX names (REPLICA IDENTITY FULL alone gives no key)';
  return new EtlError({
    code: 'PG_TABLE_KEYLESS',
    kind: 'config',
    message: `${problem}.`,
    hint: cure === undefined ? `${key}; or exclude the table.` : `Run: ${cure} Or exclude the table.`,
    context: { stream: streamName(table.schema, table.table) },
  });
}

function unusedName(name: string, taken: ReadonlySet<string>): string {
  return taken.has(name) ? unusedName(`${name}_`, taken) : name;
}

const REPLACE_IT = ' Or set outOfRange to null (in a group: "out_of_range": "null"), which stores NULL and counts it.';

/** The error that ends a stream because of a value in a column. It tells how to find the rows, not what is in them. */
export function valueFailure({ name, table, spec }: TableStream, column: StreamColumn, error: unknown): EtlError {
  if (!(error instanceof ValueError)) return EtlError.from(error);
  const isReplaceable = error.isReplaceable && !spec.primaryKey.includes(column.name);
  const condition = conditionOf(column, error);
  const rows =
    condition === undefined
      ? ''
      : ` The rows: SELECT * FROM ${qualified(table.schema, table.table)} WHERE ${condition};`;
  return new EtlError({
    code: error.code,
    kind: 'data',
    message: `The column ${column.name} of ${name} holds ${error.message}.`,
    hint: `${error.hint}${isReplaceable ? REPLACE_IT : ''} Until then every run copies the whole table anew.${rows}`,
    context: { stream: name, column: column.name },
  });
}

function conditionOf({ name, spec }: StreamColumn, { condition, isOfArray }: ValueError): string | undefined {
  if (condition === undefined) return undefined;
  const value = identifier(name);
  if (spec.type !== 'array' || isOfArray) return condition(value);
  return `EXISTS (SELECT FROM unnest(${value}) item WHERE ${condition('item')})`;
}
