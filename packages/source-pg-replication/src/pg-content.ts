import {
  EtlError,
  findState,
  type ContentBucket,
  type ContentRow,
  type OperationOptions,
  type Source,
  type SourceContent,
  type StateEntry,
  type StreamSpec,
} from '@etl/core';
import type { Client } from 'pg';
import { describeTables, readServerFacts, readTypes, type CatalogTable } from './catalog.ts';
import { readableStreams } from './check-source.ts';
import type { Connector } from './connector.ts';
import { ContentSql } from './content-sql.ts';
import { literal } from './identifier.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import type { ResolvedOptions } from './options.ts';
import { pgError } from './pg-error.ts';
import { readSlotPosition, readTablePosition } from './position.ts';
import { previewTables } from './read-plan.ts';
import { requireLogicalWal, requireVersion, temporarySlot } from './read-session.ts';
import { createSnapshotPoint, type SnapshotPoint } from './snapshot-point.ts';
import type { TableStream } from './table-stream.ts';
import type { TypeRow } from './value-type.ts';

interface OpenedContent {
  readonly connector: Connector;
  readonly control: Client;
  readonly point: SnapshotPoint;
  readonly tables: readonly TableStream[];
  readonly types: ReadonlyMap<number, TypeRow>;
  readonly source: Source;
  readonly version: number;
  readonly isReplaced: boolean;
}

/**
 * The tables as one exported snapshot has them. A temporary slot names the position of that snapshot: the
 * transactions that it sees are exactly those that were committed before.
 */
export async function openPgContent(
  connector: Connector,
  options: ResolvedOptions,
  sourceUntil: (lsn: string) => Source,
  operation: OperationOptions,
): Promise<SourceContent> {
  let point: SnapshotPoint | undefined;
  const control = await connector.connect();
  try {
    const facts = await readServerFacts(control);
    requireVersion(facts);
    requireLogicalWal(facts);
    await requireUtf8(control);
    point = await createSnapshotPoint(connector, { name: temporarySlot(options.slot), isTemporary: true });
    operation.signal?.throwIfAborted();
    const { tables } = await previewTables(control, options, facts);
    const readable = await readableStreams(control, tables, facts);
    // A table that is only made of is not at the destination, and what is made of it has no SQL.
    const streams = readable.streams.filter(({ name }) => !options.derivedOnly.includes(name));
    const types = new Map<number, TypeRow>();
    await readTypes(
      control,
      tables.flatMap((table) => table.columns.map((column) => column.type)),
      types,
    );
    const { version } = facts;
    const source = sourceUntil(formatLsn(point.lsn));
    return new PgContent({
      connector,
      control,
      point,
      tables: streams,
      types,
      source,
      version,
      isReplaced: options.outOfRange === 'null',
    });
  } catch (error) {
    await point?.close();
    await connector.close(control);
    throw pgError(error, 'taking a look at the tables that stays the same');
  }
}

class PgContent implements SourceContent {
  readonly position: string;
  readonly streams: readonly StreamSpec[];
  readonly source: Source;
  readonly #opened: OpenedContent;
  readonly #tables: ReadonlyMap<string, TableStream>;
  /** A transaction holds a lock on what it has read, so that each table has one of its own. */
  #worker: { readonly stream: string; readonly client: Promise<Client> } | undefined;

  constructor(opened: OpenedContent) {
    this.#opened = opened;
    this.position = `LSN ${formatLsn(opened.point.lsn)}`;
    this.source = opened.source;
    this.streams = opened.tables.map(({ spec }) => spec);
    this.#tables = new Map(opened.tables.map((table) => [table.name, table]));
  }

  isReached(state: readonly StateEntry[], stream: string): boolean {
    const slot = readSlotPosition(state);
    const { lsn } = this.#opened.point;
    if (slot === undefined || parseLsn(slot.lsn) !== lsn || findState(state, stream, '') == null) return false;
    const table = readTablePosition(state, stream);
    return table !== undefined && parseLsn(table.from_lsn) <= lsn;
  }

  async estimateRows({ name }: StreamSpec): Promise<number> {
    const { estimatedRows, oid } = this.#table(name).table;
    if (estimatedRows > 0) return estimatedRows;
    const { rows } = await this.#opened.control.query<{ rows: string }>(
      `SELECT coalesce(sum(pg_relation_size(relid)) / 100, 0)::bigint AS rows FROM pg_partition_tree(${oid})`,
    );
    return Number(rows[0]?.rows ?? 0);
  }

  async readBuckets({ name }: StreamSpec, bits: number): Promise<ReadonlyMap<number, ContentBucket>> {
    const rows = await this.#query(name, (sql) => sql.buckets(bits));
    return new Map(rows.map(({ b, n, x }) => [Number(b), { rows: Number(n), digest: x ?? '' }]));
  }

  async readColumns({ name, columns }: StreamSpec): Promise<ReadonlyMap<string, string>> {
    const [row = {}] = await this.#query(name, (sql) => sql.columns());
    return new Map(columns.map((column, index) => [column.name, row[`c${index}`] ?? '0']));
  }

  async readRows({ name }: StreamSpec, buckets: readonly number[], bits: number): Promise<readonly ContentRow[]> {
    if (buckets.length === 0) return [];
    const rows = await this.#query(name, (sql) => sql.rows(buckets, bits));
    return rows.map(({ k, c }) => ({ key: JSON.parse(k ?? '[]') as string[], digests: (c ?? '').split(' ') }));
  }

  async #query(name: string, query: (sql: ContentSql) => string): Promise<Record<string, string | null>[]> {
    const table = this.#table(name);
    const client = await this.#workerFor(table);
    try {
      const { rows } = await client.query<Record<string, string | null>>(query(this.#sql(table)));
      return rows;
    } catch (error) {
      throw pgError(error, `computing digests of ${name}`);
    }
  }

  async #workerFor(table: TableStream): Promise<Client> {
    if (this.#worker?.stream !== table.name) {
      await this.#closeWorker();
      this.#worker = { stream: table.name, client: this.#openWorker(table) };
    }
    return this.#worker.client;
  }

  async #openWorker(stream: TableStream): Promise<Client> {
    const { connector, control, point, version } = this.#opened;
    const client = await connector.connect();
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await client.query(`SET TRANSACTION SNAPSHOT ${literal(point.snapshot)}`);
      await client.query(this.#sql(stream).lock());
      // Under the lock that this took: TRUNCATE and rewrites do not respect snapshots.
      const describe = async (session: Client): Promise<CatalogTable | undefined> =>
        (await describeTables(session, [stream.table.oid], { version }))[0];
      const [then, now] = [await describe(client), await describe(control)];
      if (then === undefined || now === undefined || String(then.filenodes) !== String(now.filenodes)) {
        throw rewritten(stream.name);
      }
      return client;
    } catch (error) {
      connector.destroy(client);
      throw pgError(error, `computing digests of ${stream.name}`);
    }
  }

  async #closeWorker(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker === undefined) return;
    const client = await worker.client.catch(() => undefined);
    if (client !== undefined) await this.#opened.connector.close(client);
  }

  #sql(table: TableStream): ContentSql {
    return new ContentSql(table, this.#opened.types, this.#opened.isReplaced);
  }

  #table(name: string): TableStream {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`no stream ${name}`);
    return table;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeWorker();
    await this.#opened.point.close();
    await this.#opened.connector.close(this.#opened.control);
    await this.source[Symbol.asyncDispose]();
  }
}

function rewritten(stream: string): EtlError {
  return new EtlError({
    code: 'PG_TABLE_KEEPS_CHANGING',
    kind: 'transient',
    message: `The table of ${stream} was truncated or rewritten while it was to be compared.`,
    hint: 'Compare again.',
    context: { stream },
  });
}

/** Digests are of bytes, and the server hashes them in its own encoding. */
async function requireUtf8(control: Client): Promise<void> {
  const { rows } = await control.query<{ encoding: string }>(`SELECT current_setting('server_encoding') AS encoding`);
  const encoding = rows[0]?.encoding ?? '';
  if (encoding === 'UTF8') return;
  throw new EtlError({
    code: 'PG_ENCODING_UNSUPPORTED',
    kind: 'config',
    message: `The database is encoded in ${encoding}; only UTF8 can be compared.`,
    hint: 'Compare counts by hand, or move the database to UTF8.',
  });
}
