import { isDeepStrictEqual } from 'node:util';
import type { Row } from '@etl/core';
import type { Client } from 'pg';
import { describeTables, readTypes, type CatalogTable } from './catalog.ts';
import type { Connector } from './connector.ts';
import { copyValues } from './copy-text.ts';
import { identifier, literal, qualified } from './identifier.ts';
import { pgError } from './pg-error.ts';
import { versionBase } from './row-version.ts';
import type { ReplacedValues } from './replaced-values.ts';
import type { SnapshotPoint } from './snapshot-point.ts';
import { tableStream, valueFailure, type StreamColumn, type TableStream } from './table-stream.ts';
import type { TypeRow } from './value-type.ts';
import { TAG, WireSession } from './wire-session.ts';

export interface TableCopyOptions {
  readonly connector: Connector;
  /** A session outside the snapshot: sees the catalog as it is now. */
  readonly control: Client;
  readonly point: SnapshotPoint;
  readonly table: { readonly oid: number };
  readonly types: Map<number, TypeRow>;
  readonly replaced: ReplacedValues | undefined;
  readonly serverVersion: number;
  readonly publication: string;
  readonly epoch: number;
  readonly pageRows: number;
  readonly pageBytes: number;
}

/** A copy that has begun: the table cannot be altered before it ends. */
export interface TableCopy {
  readonly stream: TableStream;
  /** The rows of the snapshot, in pages. To be read to the end or returned from, which ends the copy. */
  pages(): AsyncGenerator<readonly Row[], void, undefined>;
}

/**
 * Begins to copy a table as it is in the snapshot; `changed` when the table was rewritten, altered
 * or dropped since then, and `gone` when it does not exist any more.
 *
 * TRUNCATE and rewriting ALTER TABLE do not respect snapshots: their rows would silently be missing
 * from the copy. The lock is taken first, so what the catalog says under it stays true until the end.
 */
export async function beginTableCopy(options: TableCopyOptions): Promise<TableCopy | 'changed' | 'gone'> {
  const { connector, control, point, table, serverVersion, publication, types } = options;
  const worker = await connector.connect();
  try {
    await worker.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await worker.query(`SET TRANSACTION SNAPSHOT ${literal(point.snapshot)}`);
    const describe = async (client: Client): Promise<CatalogTable | undefined> =>
      (await describeTables(client, [table.oid], { version: serverVersion, publication }))[0];
    const before = await describe(worker);
    if (before === undefined || (await describe(control)) === undefined) {
      await connector.close(worker);
      return 'gone';
    }
    await worker.query(`SELECT FROM ${source(before)} LIMIT 0`);
    const now = await describe(control);
    if (now === undefined || !isSameTable(before, now)) {
      await connector.close(worker);
      return now === undefined ? 'gone' : 'changed';
    }
    await readTypes(
      control,
      now.columns.map((column) => column.type),
      types,
    );
    const stream = tableStream(now, types, options.replaced);
    return { stream, pages: () => copyPages(worker, stream, options) };
  } catch (error) {
    connector.destroy(worker);
    throw pgError(error, `copying a table`);
  }
}

function isSameTable(before: CatalogTable, now: CatalogTable): boolean {
  return isDeepStrictEqual({ ...before, estimatedRows: 0 }, { ...now, estimatedRows: 0 });
}

/** The table itself without its heirs, which are tables of their own; a partitioned one with its leaves. */
function source(table: CatalogTable): string {
  return `${table.kind === 'p' ? '' : 'ONLY '}${qualified(table.schema, table.table)}`;
}

async function* copyPages(
  worker: Client,
  stream: TableStream,
  options: TableCopyOptions,
): AsyncGenerator<readonly Row[], void, undefined> {
  const { connector, pageRows, pageBytes, epoch, point } = options;
  const wire = new WireSession(worker);
  const read = rowReader(stream, versionBase(epoch, point.lsn));
  let isDone = false;
  try {
    wire.query(copyStatement(stream));
    while ((await wire.nextAnswer()) !== TAG.copyOutResponse);
    let rows: Row[] = [];
    let bytes = 0;
    for (;;) {
      const next = nextTag(wire);
      const tag = typeof next === 'number' ? next : await next;
      if (tag === TAG.readyForQuery) break;
      if (tag !== TAG.copyData) continue;
      const { buffer, start, end } = wire.scanner;
      rows.push(read(buffer.toString('utf8', start, end - 1)));
      bytes += end - start;
      if (rows.length >= pageRows || bytes >= pageBytes) {
        yield rows;
        rows = [];
        bytes = 0;
      }
    }
    if (rows.length > 0) yield rows;
    isDone = true;
  } catch (error) {
    throw pgError(error, `copying ${stream.name}`);
  } finally {
    if (isDone) {
      wire.release();
      await connector.close(worker);
    } else {
      wire.destroy();
      connector.destroy(worker);
    }
  }
}

/** Synchronous as long as messages are here already: there is one per row. */
function nextTag(wire: WireSession): number | Promise<number> {
  if (!wire.scanner.next()) return wire.fill().then(() => nextTag(wire));
  return wire.scanner.tag === TAG.error ? wire.currentError() : wire.scanner.tag;
}

function copyStatement(stream: TableStream): string {
  const { table, columns } = stream;
  const list = columns.map(({ name }) => identifier(name)).join(', ');
  const filter = table.rowFilter === null ? '' : ` WHERE ${table.rowFilter}`;
  if (table.kind !== 'p' && filter === '' && !hasGenerated(stream)) {
    return `COPY ${qualified(table.schema, table.table)} (${list}) TO STDOUT`;
  }
  return `COPY (SELECT ${list} FROM ${source(table)}${filter}) TO STDOUT`;
}

// COPY refuses generated columns in a column list; a query may select them.
function hasGenerated(stream: TableStream): boolean {
  return stream.table.columns.some((column) => column.isPublished && column.isGenerated);
}

function rowReader(stream: TableStream, version: bigint): (line: string) => Row {
  const { columns, versionKey, name } = stream;
  return (line) => {
    const values = copyValues(line);
    const row: Record<string, unknown> = {};
    for (let index = 0; index < columns.length; index += 1) {
      const column = columns[index] as StreamColumn;
      const value = values[index] ?? null;
      try {
        row[column.name] = value === null ? null : column.parse(value);
      } catch (error) {
        throw valueFailure(name, column.name, error);
      }
    }
    row[versionKey] = version;
    return row;
  };
}
