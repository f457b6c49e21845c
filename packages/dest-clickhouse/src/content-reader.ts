import type {
  ColumnSpec,
  ContentBucket,
  ContentReader,
  ContentRow,
  OperationOptions,
  StreamSpec,
  ValueSpec,
} from '@etl/core';
import type { Database } from './database.ts';
import { identifier, publicName } from './identifier.ts';
import type { ResolvedOptions } from './options.ts';
import { columnNames } from './table-plan.ts';

// Names of ours in a query begin with _etl_, which no column's name does: an alias would hide the column.

/** Digests of what readers of a view see, see `ContentReader` of `@etl/core` for what they are made of. */
export class ClickHouseContent implements ContentReader {
  readonly #database: Database;
  readonly #options: ResolvedOptions;
  readonly #operation: OperationOptions;

  constructor(database: Database, options: ResolvedOptions, operation: OperationOptions) {
    this.#database = database;
    this.#options = options;
    this.#operation = operation;
  }

  async estimateRows(stream: StreamSpec): Promise<number> {
    const view = await this.#view(stream);
    if (view === undefined) return 0;
    const [row] = await this.#rows<{ _etl_n: string }>(`SELECT toString(count()) AS _etl_n FROM ${view.table}`);
    return Number(row?._etl_n ?? 0);
  }

  async readBuckets(stream: StreamSpec, bits: number): Promise<ReadonlyMap<number, ContentBucket>> {
    const view = await this.#view(stream);
    if (view === undefined) return new Map();
    const text = concatenated(stream.columns.map((column) => view.field(column)));
    const rows = await this.#rows<{ _etl_b: number; _etl_n: string; _etl_x: string }>(
      `SELECT toUInt32(_etl_bucket) AS _etl_b, toString(count()) AS _etl_n, toString(groupBitXor(_etl_hash)) AS _etl_x FROM (
         SELECT ${view.bucket(bits)} AS _etl_bucket, reinterpretAsInt64(reverse(substring(MD5(${text}), 1, 8))) AS _etl_hash
         FROM ${view.table})
       GROUP BY _etl_bucket`,
    );
    return new Map(rows.map((row) => [row._etl_b, { rows: Number(row._etl_n), digest: row._etl_x }]));
  }

  async readColumns(stream: StreamSpec): Promise<ReadonlyMap<string, string>> {
    const view = await this.#view(stream);
    if (view === undefined) return new Map();
    const sums = stream.columns.map(
      (column, index) =>
        `toString(sum(toInt64(reinterpretAsInt32(reverse(substring(MD5(${view.field(column)}), 1, 4)))))) AS _etl_c${index}`,
    );
    const [row = {}] = await this.#rows<Record<string, string>>(`SELECT ${sums.join(', ')} FROM ${view.table}`);
    return new Map(stream.columns.map(({ name }, index) => [name, row[`_etl_c${index}`] ?? '0']));
  }

  async readRows(stream: StreamSpec, buckets: readonly number[], bits: number): Promise<readonly ContentRow[]> {
    const view = await this.#view(stream);
    if (view === undefined || buckets.length === 0) return [];
    const keys = stream.primaryKey.map((name) => view.text(name));
    const digests = stream.columns.map((column) => `lower(hex(MD5(${view.field(column)})))`);
    const rows = await this.#rows<{ _etl_k: readonly string[]; _etl_c: readonly string[] }>(
      `SELECT [${keys.join(', ')}] AS _etl_k, [${digests.join(', ')}] AS _etl_c FROM ${view.table}
       WHERE ${view.bucket(bits)} IN (${buckets.join(', ')})`,
    );
    return rows.map((row) => ({ key: row._etl_k, digests: row._etl_c }));
  }

  #rows<TRow>(query: string): Promise<TRow[]> {
    return this.#database.rows<TRow>(query, this.#operation);
  }

  async #view(stream: StreamSpec): Promise<ViewSql | undefined> {
    const name = publicName(this.#options.dataset, this.#options.separator, stream.name);
    const columns = await this.#database.columns(name, this.#operation);
    return columns.length === 0
      ? undefined
      : new ViewSql(this.#database.table(name), stream, new Map(columns.map((column) => [column.name, column.type])));
  }
}

/** The expressions of one stream's view. */
class ViewSql {
  readonly table: string;
  readonly #stream: StreamSpec;
  readonly #names: ReadonlyMap<string, string>;
  readonly #types: ReadonlyMap<string, string>;

  constructor(table: string, stream: StreamSpec, types: ReadonlyMap<string, string>) {
    this.table = table;
    this.#stream = stream;
    this.#names = columnNames(stream);
    this.#types = types;
  }

  /** Field of a column; NULL where the view has no such column. */
  field(column: ColumnSpec): string {
    const name = this.#names.get(column.name) ?? column.name;
    const type = this.#types.get(name);
    return type === undefined ? nullField(column) : fieldOf(identifier(name), column, type);
  }

  text(key: string): string {
    const name = this.#names.get(key) ?? key;
    return textOf(identifier(name), this.#column(key), this.#types.get(name) ?? '');
  }

  bucket(bits: number): string {
    const [first = '', ...others] = this.#stream.primaryKey;
    if (others.length === 0 && /^u?int/.test(this.#column(first).type)) {
      const name = identifier(this.#names.get(first) ?? first);
      return `bitShiftRight(bitAnd((toInt64(${name}) % 2147483629) * 2654435769, 4294967295), ${32 - bits})`;
    }
    const key = concatenated(this.#stream.primaryKey.map((name) => this.field(this.#column(name))));
    return `bitShiftRight(reinterpretAsUInt16(reverse(substring(MD5(${key}), 1, 2))), ${16 - bits})`;
  }

  #column(name: string): ColumnSpec {
    const column = this.#stream.columns.find((each) => each.name === name);
    if (column === undefined) throw new Error(`no column ${name}`);
    return column;
  }
}

function concatenated(parts: readonly string[]): string {
  return parts.length === 1 ? parts.join() : `concat(${parts.join(', ')})`;
}

const MEASURED: ReadonlySet<ValueSpec['type']> = new Set(['string', 'binary', 'array', 'nested']);

function nullField(spec: ValueSpec): string {
  return spec.type === 'array' ? `'3:0[]|'` : MEASURED.has(spec.type) ? `':|'` : `'|'`;
}

/** `type` is what the server says of the column, which may be wider than the spec asks for. */
function fieldOf(value: string, spec: ValueSpec, type: string): string {
  const isNullable = type.includes('Nullable(') && !type.startsWith('Array(');
  const text = textOf(isNullable ? `assumeNotNull(${value})` : value, spec, type);
  const field = MEASURED.has(spec.type)
    ? `concat(toString(length(${text})), ':', ${text}, '|')`
    : `concat(${text}, '|')`;
  return isNullable ? `if(isNull(${value}), ${nullField(spec)}, ${field})` : field;
}

function textOf(value: string, spec: ValueSpec, type: string): string {
  const plain = `toString(${value})`;
  const base = baseType(type);
  switch (spec.type) {
    case 'boolean':
      return base === 'Bool' ? `if(${value}, 't', 'f')` : plain;
    case 'float32':
    case 'float64': {
      const bits = spec.type === 'float32' ? 32 : 64;
      if (base !== `Float${bits}`) return plain;
      return `if(isNaN(${value}), 'NaN', leftPad(lower(hex(reinterpretAsUInt${bits}(${value}))), ${bits / 4}, '0'))`;
    }
    case 'decimal':
      return base.startsWith('Decimal') ? `toDecimalString(${value}, ${spec.scale ?? 0})` : plain;
    case 'timestamp':
      // Always six digits, of which the other side has those up to the last that is not zero.
      return base.startsWith('DateTime64(6') ? `trimRight(trimRight(${plain}, '0'), '.')` : plain;
    case 'binary':
      return `lower(hex(${value}))`;
    case 'array': {
      const items = spec.items;
      if (items === undefined || !base.startsWith('Array(')) return plain;
      const field = fieldOf('_etl_item', items, base.slice('Array('.length, -1));
      return `concat(toString(length(${value})), '[', arrayStringConcat(arrayMap(_etl_item -> ${field}, ${value})), ']')`;
    }
    default:
      return plain;
  }
}

/** The type without what says that values repeat or may be absent. */
function baseType(type: string): string {
  const inner = /^(?:LowCardinality|Nullable)\((.*)\)$/.exec(type)?.[1];
  return inner === undefined ? type : baseType(inner);
}
