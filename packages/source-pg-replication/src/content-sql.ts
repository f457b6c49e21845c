import type { ColumnSpec, ValueSpec } from '@etl/core';
import type { CatalogTable } from './catalog.ts';
import { identifier, qualified } from './identifier.ts';
import type { TableStream } from './table-stream.ts';
import type { TypeRow } from './value-type.ts';

const TEXT_OIDS: ReadonlySet<number> = new Set([25, 1043, 1042]);
const TIMESTAMPTZ = 1184;
const MEASURED: ReadonlySet<ValueSpec['type']> = new Set(['string', 'binary', 'array', 'nested']);
/** A function takes at most a hundred arguments. */
const MAX_ARGUMENTS = 60;

/** A column of a table with what the catalog says of its type. */
interface SqlColumn {
  readonly spec: ValueSpec;
  readonly oid: number;
  readonly isReplaced: boolean;
}

/** The queries of one table, see `ContentReader` of `@etl/core` for what the digests are made of. */
export class ContentSql {
  readonly #stream: TableStream;
  readonly #types: ReadonlyMap<number, TypeRow>;

  readonly #isReplaced: boolean;

  /** @param isReplaced Values that no destination can hold are NULL there, see the option `outOfRange`. */
  constructor(stream: TableStream, types: ReadonlyMap<number, TypeRow>, isReplaced: boolean) {
    this.#stream = stream;
    this.#types = types;
    this.#isReplaced = isReplaced;
  }

  /** Reads nothing, but from then on nobody truncates or alters the table before the transaction ends. */
  lock(): string {
    return `SELECT FROM ${this.#source()} LIMIT 0`;
  }

  buckets(bits: number): string {
    const text = concatenated(this.#stream.spec.columns.flatMap((column) => this.#parts(column)));
    return `SELECT b::text, count(*)::text AS n, bit_xor(h)::text AS x FROM (
        SELECT ${this.#bucket(bits)} AS b, ('x' || left(md5(${text}), 16))::bit(64)::bigint AS h FROM ${this.#source()}) q
      GROUP BY b`;
  }

  columns(): string {
    const sums = this.#stream.spec.columns.map(
      (column, index) =>
        `coalesce(sum(('x' || left(md5(${this.#field(column)}), 8))::bit(32)::int4), 0)::text AS c${index}`,
    );
    return `SELECT ${sums.join(', ')} FROM ${this.#source()}`;
  }

  rows(buckets: readonly number[], bits: number): string {
    const { spec } = this.#stream;
    const keys = spec.primaryKey.map((name) => `concat(${this.#text(this.#named(name))})`);
    const digests = spec.columns.map((column) => `md5(${this.#field(column)})`);
    return `SELECT array_to_json(ARRAY[${keys.join(', ')}])::text AS k, array_to_string(ARRAY[${digests.join(', ')}], ' ') AS c
      FROM ${this.#source(`${this.#bucket(bits)} IN (${buckets.join(', ')})`)}`;
  }

  #source(condition?: string): string {
    const { table } = this.#stream;
    const conditions = [table.rowFilter, condition].flatMap((each) => (each == null ? [] : [`(${each})`]));
    const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
    return `${sourceTable(table)}${where}`;
  }

  #bucket(bits: number): string {
    const { primaryKey } = this.#stream.spec;
    const [first = '', ...others] = primaryKey;
    if (others.length === 0 && /^u?int/.test(this.#named(first).type)) {
      return `((((${identifier(first)}::bigint % 2147483629) * 2654435769) & 4294967295) >> ${32 - bits})`;
    }
    const key = concatenated(primaryKey.flatMap((name) => this.#parts(this.#named(name))));
    return `(('x' || left(md5(${key}), 4))::bit(16)::int >> ${16 - bits})`;
  }

  #field(column: ColumnSpec): string {
    return concatenated(this.#parts(column));
  }

  #parts(column: ColumnSpec): readonly string[] {
    return fieldParts(identifier(column.name), this.#sql(column), this.#types);
  }

  #text(column: ColumnSpec): string {
    return textOf(identifier(column.name), this.#sql(column), this.#types);
  }

  #sql(column: ColumnSpec): SqlColumn {
    const oid = this.#stream.columnByName.get(column.name)?.typeOid ?? 0;
    const isKey = this.#stream.spec.primaryKey.includes(column.name);
    return { spec: column, oid: baseOid(oid, this.#types), isReplaced: this.#isReplaced && !isKey };
  }

  #named(name: string): ColumnSpec {
    const column = this.#stream.spec.columns.find((each) => each.name === name);
    if (column === undefined) throw new Error(`no column ${name}`);
    return column;
  }
}

/** The table itself without its heirs, which are tables of their own; a partitioned one with its leaves. */
function sourceTable(table: CatalogTable): string {
  return `${table.kind === 'p' ? '' : 'ONLY '}${qualified(table.schema, table.table)}`;
}

/** One text of many, in which NULL is nothing. */
function concatenated(parts: readonly string[]): string {
  if (parts.length <= MAX_ARGUMENTS) return `concat(${parts.join(', ')})`;
  const groups: string[] = [];
  for (let at = 0; at < parts.length; at += MAX_ARGUMENTS) {
    groups.push(`concat(${parts.slice(at, at + MAX_ARGUMENTS).join(', ')})`);
  }
  return concatenated(groups);
}

/**
 * What makes up a field, to be given to `concat`: that calls the output function of a type, as COPY does, where a
 * cast to text may say something else (inet, char), and takes NULL for nothing.
 */
function fieldParts(value: string, column: SqlColumn, types: ReadonlyMap<number, TypeRow>): readonly string[] {
  const text = textOf(value, column, types);
  const { spec, oid } = column;
  if (!MEASURED.has(spec.type)) return [text, `'|'`];
  if (spec.type === 'array') {
    return [
      `(SELECT concat(octet_length(etl_array), ':', etl_array, '|') FROM (SELECT coalesce(${text}, '0[]') AS etl_array) etl_arrays)`,
    ];
  }
  if (TEXT_OIDS.has(oid) || spec.type === 'binary') return [`octet_length(${text})`, `':'`, text, `'|'`];
  const shown = `concat(${text})`;
  return [`CASE WHEN ${value} IS NULL THEN ':|' ELSE concat(octet_length(${shown}), ':', ${shown}, '|') END`];
}

function textOf(given: string, { spec, oid, isReplaced }: SqlColumn, types: ReadonlyMap<number, TypeRow>): string {
  const value = isReplaced ? held(given, spec) : given;
  switch (spec.type) {
    case 'float32':
    case 'float64': {
      const send = spec.type === 'float32' ? 'float4send' : 'float8send';
      return `CASE WHEN ${value} = 'NaN' THEN 'NaN' ELSE encode(${send}(${value}), 'hex') END`;
    }
    case 'timestamp':
      // The session is in UTC.
      return oid === TIMESTAMPTZ ? `${value}::timestamp` : value;
    case 'binary':
      return `encode(${value}, 'hex')`;
    case 'array': {
      const items = spec.items;
      if (items === undefined) return value;
      const element = baseOid(types.get(oid)?.element ?? 0, types);
      const field = concatenated(fieldParts('etl_item', { spec: items, oid: element, isReplaced }, types));
      return `(SELECT concat(cardinality(${value}), '[', string_agg(${field}, '' ORDER BY etl_place), ']') FROM unnest(${value}) WITH ORDINALITY etl_items (etl_item, etl_place) HAVING ${value} IS NOT NULL)`;
    }
    default:
      return value;
  }
}

/** NULL in the place of what no destination can hold. */
function held(value: string, { type }: ValueSpec): string {
  switch (type) {
    case 'date':
    case 'timestamp':
      return `CASE WHEN ${value} >= '1900-01-01' AND ${value} < '2300-01-01' THEN ${value} END`;
    case 'decimal':
      return `CASE WHEN ${value} NOT IN ('NaN', 'Infinity', '-Infinity') THEN ${value} END`;
    case 'array':
      return `CASE WHEN array_ndims(${value}) = 1 OR cardinality(${value}) = 0 THEN ${value} END`;
    default:
      return value;
  }
}

/** The type of a domain's values. */
function baseOid(oid: number, types: ReadonlyMap<number, TypeRow>): number {
  const type = types.get(oid);
  return type?.kind === 'd' ? baseOid(type.base, types) : oid;
}
