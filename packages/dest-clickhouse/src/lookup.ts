import type { ColumnSpec, OperationOptions, Row, StreamSpec, ValueSpec } from '@etl/core';
import { columnType, isBinary } from './column-type.ts';
import type { Database } from './database.ts';
import { jsonEncoderFor } from './encode-value.ts';
import { identifier, literal } from './identifier.ts';
import { columnNames } from './table-plan.ts';

/** Every key stands twice in a query, and a server takes 256 KiB of text. */
const KEYS_PER_QUERY = 1000;
const BYTES_PER_QUERY = 80_000;

/**
 * The newest live row of every key over all tables, aligned with `keys`; values as the stream's rows
 * hold them. A table that does not exist holds nothing.
 */
export async function lookupRows(
  database: Database,
  tables: readonly string[],
  stream: StreamSpec,
  targets: ReadonlyMap<string, string>,
  keys: readonly Row[],
  columns: readonly string[],
  options: OperationOptions,
): Promise<readonly (Row | undefined)[]> {
  const present: string[] = [];
  for (const table of tables) if ((await database.find(table, options)) !== undefined) present.push(table);
  const found: (Row | undefined)[] = Array.from({ length: keys.length });
  if (present.length === 0) return found;
  const wanted = columns.map((name) => requireColumn(stream, name));
  const tuples = keyTuples(stream, keys);
  for (let start = 0; start < tuples.length;) {
    const end = endOfQuery(tuples, start);
    const query = lookupQuery(database, present, stream, targets, tuples.slice(start, end), wanted);
    for (const row of await database.rows<Record<string, unknown>>(query, options, present)) {
      if (Number(row['_etl_deleted']) === 1) continue;
      found[start + Number(row['_etl_position'])] = Object.fromEntries(
        wanted.map((column, index) => [column.name, decoded(column, row[`_etl_value_${index}`])]),
      );
    }
    start = end;
  }
  return found;
}

function lookupQuery(
  database: Database,
  tables: readonly string[],
  stream: StreamSpec,
  targets: ReadonlyMap<string, string>,
  tuples: readonly (readonly string[])[],
  columns: readonly ColumnSpec[],
): string {
  const names = columnNames(stream);
  const keyColumns = stream.primaryKey.map((name) => requireColumn(stream, name));
  const keyNames = keyColumns.map(({ name }) => identifier(names.get(name) ?? name));
  // An alias hides a column of the same name, and no column's name begins with _etl_.
  const selected = [
    ...keyNames.map((name, index) => `${name} AS _etl_key_${index}`),
    ...columns.map((column, index) => {
      const declared = names.get(column.name) ?? column.name;
      return `${selection(column, targets.get(declared) ?? declared)} AS _etl_value_${index}`;
    }),
    '_etl_version',
    '_etl_deleted',
  ];
  const inKeys = `(${keyNames.join(', ')}) IN (${tuples.map((tuple) => `(${tuple.join(', ')})`).join(', ')})`;
  const rows = tables
    .map((table) => `SELECT ${selected.join(', ')} FROM ${database.table(table)} WHERE ${inKeys}`)
    .join(' UNION ALL ');
  const structure = [
    '_etl_position UInt32',
    ...keyColumns.map((column, index) => `_etl_wanted_${index} ${columnType(column, true)}`),
  ].join(', ');
  const wanted = tuples.map((tuple, position) => `(${[String(position), ...tuple].join(', ')})`).join(', ');
  const on = keyColumns.map((_, index) => `_etl_wanted_${index} = _etl_key_${index}`).join(' AND ');
  const values = columns.map((_, index) => `_etl_value_${index}`);
  return (
    `SELECT ${['_etl_position', '_etl_deleted', ...values].join(', ')} FROM (${rows}) AS _etl_rows ` +
    `INNER JOIN values(${literal(structure)}, ${wanted}) AS _etl_wanted ON ${on} ORDER BY _etl_version DESC LIMIT 1 BY _etl_position`
  );
}

/** Every key as SQL literals, in the order of the primary key. */
function keyTuples(stream: StreamSpec, keys: readonly Row[]): readonly (readonly string[])[] {
  const columns = stream.primaryKey.map((name) => requireColumn(stream, name));
  const encoders = columns.map((column) => jsonEncoderFor({ ...column, nullable: false }));
  return keys.map((key) =>
    columns.map((column, index) => {
      const value = key[column.name];
      return value instanceof Uint8Array ? bytesLiteral(value) : sqlLiteral(encoders[index]?.(value) ?? 'NULL');
    }),
  );
}

function endOfQuery(tuples: readonly (readonly string[])[], start: number): number {
  let bytes = 0;
  let end = start;
  while (end < tuples.length && end - start < KEYS_PER_QUERY) {
    bytes += Buffer.byteLength(tuples[end]?.join('') ?? '');
    if (bytes > BYTES_PER_QUERY && end > start) break;
    end += 1;
  }
  return end;
}

function bytesLiteral(bytes: Uint8Array): string {
  return `'${Buffer.from(bytes).toString('hex').replaceAll(/../g, '\\x$&')}'`;
}

function requireColumn(stream: StreamSpec, name: string): ColumnSpec {
  const column = stream.columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw new Error(`${stream.name} has no column ${name}`);
  return column;
}

/** The JSON text of a scalar as a SQL literal. */
function sqlLiteral(json: string): string {
  return json.startsWith('"') ? literal(JSON.parse(json) as string) : json;
}

function selection(column: ColumnSpec, name: string): string {
  if (!isBinary(column)) return identifier(name);
  return column.type === 'array'
    ? `arrayMap(item -> base64Encode(item), ${identifier(name)})`
    : `base64Encode(${identifier(name)})`;
}

function decoded(column: ColumnSpec, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => decodedItem(column.items ?? column, item));
  return decodedItem(column, value);
}

const DENORMAL: Readonly<Record<string, string>> = { nan: 'NaN', inf: 'Infinity', '-inf': '-Infinity' };

function decodedItem(spec: ValueSpec, value: unknown): unknown {
  if (value === null) return null;
  if (spec.type === 'binary') return new Uint8Array(Buffer.from(value as string, 'base64'));
  const isFloat = spec.type === 'float32' || spec.type === 'float64';
  return isFloat && typeof value === 'string' ? (DENORMAL[value] ?? value) : value;
}
