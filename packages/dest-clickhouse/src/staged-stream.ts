import { EtlError, type OperationOptions, type Row, type Slice, type StreamSpec } from '@etl/core';
import { columnType, isBinary } from './column-type.ts';
import type { Database } from './database.ts';
import { emptyLiteral, encoderFor, ValueError, type Encode } from './encode-value.ts';
import { identifier } from './identifier.ts';
import { rowVersion } from './load-id.ts';
import { lookupRows } from './lookup.ts';
import type { ManifestTable } from './manifest.ts';
import type { ResolvedOptions } from './options.ts';
import type { PreparedTable } from './prepare-table.ts';
import { verifyCount } from './publish.ts';
import { rawName } from './raw-table.ts';
import { scopeCondition } from './scope-condition.ts';
import { createStagingTable } from './staging-table.ts';
import { columnNames, hasRowId, type TablePlan } from './table-plan.ts';

/** What a stream is written with, besides its spec. */
export interface StagedStreamContext {
  readonly database: Database;
  readonly options: ResolvedOptions;
  readonly operation: OperationOptions;
  readonly loadId: string;
  readonly number: bigint;
  /** Name of the staging table of this stream in this load. */
  readonly staging: string;
}

interface Field {
  readonly source: string;
  /** Column that the value is inserted into. */
  readonly target: string;
  readonly encode: Encode;
  readonly empty: string;
  readonly isKey: boolean;
}

/** The rows of one stream in one load, from encoding to the staging table. */
export class StagedStream {
  readonly #context: StagedStreamContext;
  #stream: StreamSpec;
  #plan: TablePlan;
  #fields: readonly Field[];
  #generation: bigint;
  #replaces = false;
  #isViewCurrent: boolean;
  #created = false;
  #rows = 0;
  #ordinal = 0;
  #chunk = 0;
  #lines: string[] = [];
  #bytes = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(context: StagedStreamContext, stream: StreamSpec, plan: TablePlan, table: PreparedTable) {
    this.#context = context;
    this.#stream = stream;
    this.#plan = plan;
    this.#generation = table.generation;
    this.#isViewCurrent = table.isViewCurrent;
    this.#fields = fieldsOf(stream);
  }

  get replaces(): boolean {
    return this.#replaces;
  }

  /** Takes a changed spec; columns that staging lacks are added to it. */
  async evolve(stream: StreamSpec, plan: TablePlan, table: PreparedTable): Promise<void> {
    await this.#flush();
    if (this.#created) {
      const { database, staging, operation } = this.#context;
      const known = new Set(this.#plan.columns.map(({ name }) => name));
      const binary = binaryInputs(stream);
      for (const column of plan.columns) {
        if (known.has(column.name)) continue;
        const input = binary.get(column.name);
        const ephemeral = input === undefined ? '' : `, ADD COLUMN IF NOT EXISTS ${identifier(input)} ${column.type} EPHEMERAL`;
        const decoded = input === undefined ? '' : ` DEFAULT ${column.type.startsWith('Array') ? `arrayMap(item -> base64Decode(item), ${identifier(input)})` : `base64Decode(${identifier(input)})`}`;
        await database.command(
          `ALTER TABLE ${database.table(staging)} ADD COLUMN IF NOT EXISTS ${identifier(column.name)} ${column.type}${decoded}${ephemeral}`,
          operation,
        );
      }
    }
    this.#stream = stream;
    this.#plan = plan;
    this.#isViewCurrent &&= table.isViewCurrent;
    this.#fields = fieldsOf(stream);
  }

  /** From here on the rows are the whole table: they make a generation of their own. */
  async replaceTable(plan: TablePlan): Promise<void> {
    await this.discard();
    this.#plan = plan;
    this.#generation = this.#context.number;
    this.#replaces = true;
  }

  async write(rows: readonly Row[]): Promise<void> {
    const { chunkRows, chunkBytes } = this.#context.options;
    for (const row of rows) {
      const line = this.#encode(row);
      this.#lines.push(line);
      this.#bytes += line.length;
      if (this.#lines.length >= chunkRows || this.#bytes >= chunkBytes) await this.#send();
    }
  }

  #encode(row: Row): string {
    const { deletedColumn, versionColumn } = this.#stream;
    const isDeleted = deletedColumn !== undefined && row[deletedColumn] === true;
    const parts: string[] = [];
    for (const field of this.#fields) {
      try {
        parts.push(isDeleted && !field.isKey ? field.empty : field.encode(row[field.source]));
      } catch (error) {
        throw error instanceof ValueError ? this.#valueError(field.source, error) : error;
      }
    }
    const version =
      versionColumn === undefined
        ? rowVersion(this.#context.number, this.#ordinal)
        : this.#givenVersion(row[versionColumn], versionColumn);
    parts.push(`"${version}"`, isDeleted ? '1' : '0', `"${this.#context.loadId}"`);
    if (hasRowId(this.#stream)) parts.push(`"${rowVersion(this.#context.number, this.#ordinal)}"`);
    this.#ordinal += 1;
    return `[${parts.join(',')}]\n`;
  }

  #givenVersion(value: unknown, column: string): string {
    if (typeof value === 'bigint' && value >= 0n && value < 2n ** 128n) return String(value);
    throw this.#valueError(column, new ValueError('a version that is not a bigint below 2^128'));
  }

  #valueError(column: string, error: ValueError): EtlError {
    return new EtlError({
      code: 'ROW_VALUE_INVALID',
      kind: 'data',
      message: `Row ${this.#ordinal + 1} of ${this.#stream.name} has ${error.message} in column ${column}.`,
      hint: 'Nothing of this load was published; mend the value at the source or declare the column with another type.',
      context: { stream: this.#stream.name, column, row: this.#ordinal + 1 },
      cause: error,
    });
  }

  // One insert is under way while the next chunk is encoded; more would only grow memory.
  async #send(): Promise<void> {
    const body = Buffer.from(this.#lines.join(''));
    this.#rows += this.#lines.length;
    this.#lines = [];
    this.#bytes = 0;
    const { database, staging, loadId, operation } = this.#context;
    const token = `${loadId}-${this.#chunk}`;
    this.#chunk += 1;
    await this.#sending;
    await this.#ensureStaging();
    const columns = [...this.#fields.map(({ target }) => identifier(target)), '_etl_version', '_etl_deleted', '_etl_load_id'];
    if (hasRowId(this.#stream)) columns.push('_etl_row_id');
    this.#sending = database.connection.insert({ table: database.table(staging), columns, token }, body, operation);
    // Awaited before the next chunk and before the commit; until then it must not count as unhandled.
    this.#sending.catch(() => undefined);
  }

  async #ensureStaging(): Promise<void> {
    if (this.#created) return;
    const { database, staging, operation } = this.#context;
    await createStagingTable(database, staging, this.#plan, binaryInputs(this.#stream), operation);
    this.#created = true;
  }

  async #flush(): Promise<void> {
    if (this.#lines.length > 0) await this.#send();
    await this.#sending;
  }

  async discard(): Promise<void> {
    this.#lines = [];
    this.#bytes = 0;
    await this.#sending.catch(() => undefined);
    this.#sending = Promise.resolve();
    this.#rows = 0;
    if (!this.#created) return;
    this.#created = false;
    await this.#context.database.drop(this.#context.staging, this.#context.operation);
  }

  async lookup(keys: readonly Row[], columns: readonly string[]): Promise<readonly (Row | undefined)[]> {
    await this.#flush();
    const tables = this.#created ? [this.#context.staging] : [];
    if (!this.#replaces) tables.push(rawName(this.#plan.publicName, this.#generation));
    return lookupRows(this.#context.database, tables, this.#stream, keys, columns, this.#context.operation);
  }

  /** Checks the slice's key, and marks as deleted what stands in its scope but was not read. */
  async closeSlice(slice: Slice): Promise<void> {
    await this.#flush();
    if (this.#created && this.#stream.primaryKey.length > 0 && !hasRowId(this.#stream)) await this.#requireUniqueKey();
    if (slice.scope === undefined || this.#replaces) return;
    await this.#ensureStaging();
    await this.#insertTombstones(scopeCondition(this.#stream, slice.scope));
  }

  async #requireUniqueKey(): Promise<void> {
    const { database, staging, operation } = this.#context;
    const key = this.#plan.orderBy.map(identifier).join(', ');
    const [row] = await database.rows<{ doubled: string }>(
      `SELECT toString(count() - uniqExact(${key})) AS doubled FROM ${database.table(staging)}`,
      operation,
    );
    const doubled = Number(row?.doubled ?? 0);
    if (doubled === 0) return;
    throw new EtlError({
      code: 'PRIMARY_KEY_NOT_UNIQUE',
      kind: 'data',
      message: `${doubled} rows of ${this.#stream.name} have a primary key (${this.#stream.primaryKey.join(', ')}) that another row of the same slice has.`,
      hint: 'Add the missing dimension to the primary key of the stream.',
      context: { stream: this.#stream.name, rows: doubled },
    });
  }

  async #insertTombstones(condition: string): Promise<void> {
    const { database, staging, operation, number, loadId } = this.#context;
    const key = this.#plan.orderBy.map(identifier).join(', ');
    const raw = database.table(rawName(this.#plan.publicName, this.#generation));
    const version = `toUInt128('${rowVersion(number, this.#ordinal)}')`;
    const before = await this.#stagedCount();
    await database.command(
      `INSERT INTO ${database.table(staging)} (${key}, _etl_version, _etl_deleted, _etl_load_id) ` +
        `SELECT ${key}, ${version}, 1, '${loadId}' FROM ${raw} FINAL WHERE ${condition} ` +
        `AND (${key}) NOT IN (SELECT ${key} FROM ${database.table(staging)}) ` +
        `SETTINGS insert_deduplication_token = '${loadId}-tombstones-${this.#chunk}'`,
      operation,
    );
    this.#chunk += 1;
    const added = (await this.#stagedCount()) - before;
    this.#ordinal += 1;
    this.#rows += added;
  }

  async #stagedCount(): Promise<number> {
    const { database, staging, operation } = this.#context;
    const [row] = await database.rows<{ count: string }>(`SELECT toString(count()) AS count FROM ${database.table(staging)}`, operation);
    return Number(row?.count ?? 0);
  }

  /** Everything is in staging, counted. */
  async finish(): Promise<ManifestTable | undefined> {
    await this.#flush();
    if (this.#rows === 0 && !this.#replaces && this.#isViewCurrent) return undefined;
    const { database, staging, operation } = this.#context;
    if (this.#created) await verifyCount(database, staging, this.#rows, operation);
    return {
      plan: this.#plan,
      generation: String(this.#generation),
      replaces: this.#replaces,
      ...(this.#created ? { staging } : {}),
      rows: this.#rows,
    };
  }
}

function fieldsOf(stream: StreamSpec): readonly Field[] {
  const names = columnNames(stream);
  const inputs = binaryInputs(stream);
  const key = new Set([...stream.primaryKey, ...(stream.scope?.keys ?? []), stream.scope?.day]);
  return stream.columns.map((column) => {
    const name = names.get(column.name) ?? column.name;
    const isKey = key.has(column.name);
    const spec = isKey ? { ...column, nullable: false } : column;
    return { source: column.name, target: inputs.get(name) ?? name, encode: encoderFor(spec), empty: emptyLiteral(spec), isKey };
  });
}

/** Column name to the column that takes its base64, for columns of bytes. */
function binaryInputs(stream: StreamSpec): ReadonlyMap<string, string> {
  const names = columnNames(stream);
  return new Map(
    stream.columns
      .filter((column) => isBinary(column) && columnType(column).includes('String'))
      .map((column) => {
        const name = names.get(column.name) ?? column.name;
        return [name, `_etl_base64_${name}`];
      }),
  );
}
