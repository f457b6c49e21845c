import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '@etl/core';
import type { Client } from 'pg';
import { BinaryPage } from './binary-page.ts';
import { blockRanges, rangeCondition, type BlockRange } from './block-ranges.ts';
import { isCatalogRace } from './catalog-race.ts';
import { describeTables, readTypes, type CatalogTable } from './catalog.ts';
import type { Connector } from './connector.ts';
import { RowPage, TextPage, type CopiedPage, type PageWriter } from './copied-page.ts';
import { identifier, literal, qualified } from './identifier.ts';
import { mergeGenerators } from './merge-generators.ts';
import { pgError, sqlState } from './pg-error.ts';
import { versionBase } from './row-version.ts';
import type { ReplacedValues } from './replaced-values.ts';
import type { SnapshotPoint } from './snapshot-point.ts';
import { tableStream, type TableStream } from './table-stream.ts';
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
  /** How many sessions read a big table side by side. */
  readonly copyConnections: number;
  readonly acceptsText: boolean;
  readonly acceptsBinary: boolean;
  readonly logger: Logger;
}

/** A copy that has begun: the table cannot be altered before it ends. */
export interface TableCopy {
  readonly stream: TableStream;
  /** The rows of the snapshot, in pages. To be read to the end or returned from, which ends the copy. */
  pages(): AsyncGenerator<CopiedPage, void, undefined>;
  /** Cuts the copy off, also while a page is waited for. */
  destroy(): void;
}

/**
 * Begins to copy a table as it is in the snapshot; `changed` when the table was rewritten, altered
 * or dropped since then, and `gone` when it does not exist any more.
 *
 * TRUNCATE and rewriting ALTER TABLE do not respect snapshots: their rows would silently be missing
 * from the copy. The lock is taken first, so what the catalog says under it stays true until the end.
 */
export async function beginTableCopy(options: TableCopyOptions): Promise<TableCopy | 'changed' | 'gone'> {
  const { connector, control, point, table, serverVersion, publication, types, copyConnections } = options;
  const worker = await connector.connect();
  try {
    await enterSnapshot(worker, point);
    const describe = async (client: Client): Promise<CatalogTable | undefined> =>
      (await describeTables(client, [table.oid], { version: serverVersion, publication }))[0];
    const [before, present] = await Promise.all([describe(worker), describe(control)]);
    if (before === undefined || present === undefined) {
      await connector.close(worker);
      return 'gone';
    }
    await worker.query(lockStatement(before));
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
    const ranges = await blockRanges(worker, now, copyConnections);
    const sessions = new CopySessions(connector, worker);
    return {
      stream,
      pages: () => copyPages(sessions, stream, ranges, options),
      destroy: () => sessions.destroy(),
    };
  } catch (error) {
    connector.destroy(worker);
    // What the snapshot shows of the catalog is not there any more.
    if (isCatalogRace(error)) return 'changed';
    throw pgError(error, `copying a table`);
  }
}

function isSameTable(before: CatalogTable, now: CatalogTable): boolean {
  return isDeepStrictEqual({ ...before, estimatedRows: 0 }, { ...now, estimatedRows: 0 });
}

async function enterSnapshot(worker: Client, point: SnapshotPoint): Promise<void> {
  await worker.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await worker.query(`SET TRANSACTION SNAPSHOT ${literal(point.snapshot)}`);
}

function lockStatement(table: CatalogTable): string {
  return `SELECT FROM ${source(table)} LIMIT 0`;
}

/** The table itself without its heirs, which are tables of their own; a partitioned one with its leaves. */
function source(table: CatalogTable): string {
  return `${table.kind === 'p' ? '' : 'ONLY '}${qualified(table.schema, table.table)}`;
}

/** The sessions that copy a table side by side. */
class CopySessions {
  readonly #connector: Connector;
  readonly #open: Client[];
  readonly first: Client;
  #isOver = false;

  constructor(connector: Connector, first: Client) {
    this.#connector = connector;
    this.#open = [first];
    this.first = first;
  }

  /** @throws when the copy has ended meanwhile. */
  async connect(): Promise<Client> {
    const session = await this.#connector.connect();
    if (this.#isOver) {
      this.#connector.destroy(session);
      throw new Error('the copy is over');
    }
    this.#open.push(session);
    return session;
  }

  /** Nothing is under way in any of them. */
  async close(): Promise<void> {
    this.#isOver = true;
    for (const session of this.#open) await this.#connector.close(session);
  }

  destroy(): void {
    this.#isOver = true;
    for (const session of this.#open) this.#connector.destroy(session);
  }
}

async function* copyPages(
  sessions: CopySessions,
  stream: TableStream,
  ranges: readonly BlockRange[],
  options: TableCopyOptions,
): AsyncGenerator<CopiedPage, void, undefined> {
  const left = [...ranges];
  let isDone = false;
  try {
    const helpers = Array.from({ length: Math.min(options.copyConnections, ranges.length) - 1 }, (_, index) =>
      helpCopying(sessions, stream, left, index + 1, options),
    );
    yield* mergeGenerators([copyRanges(sessions.first, stream, left, 0, options), ...helpers]);
    isDone = true;
  } catch (error) {
    throw pgError(error, `copying ${stream.name}`);
  } finally {
    if (isDone) await sessions.close();
    else sessions.destroy();
  }
}

/** How long a further session waits for its lock. Whoever is queued for the table before it waits for the first. */
const LOCK_TIMEOUT_MS = 500;

async function* helpCopying(
  sessions: CopySessions,
  stream: TableStream,
  left: BlockRange[],
  session: number,
  options: TableCopyOptions,
): AsyncGenerator<CopiedPage, void, undefined> {
  const worker = await helper(sessions, stream, options);
  if (worker !== undefined) yield* copyRanges(worker, stream, left, session, options);
}

/** Another session in the snapshot; `undefined` when the server has none, or the table's lock is not to be had. */
async function helper(
  sessions: CopySessions,
  stream: TableStream,
  { point, logger }: TableCopyOptions,
): Promise<Client | undefined> {
  try {
    const worker = await sessions.connect();
    await enterSnapshot(worker, point);
    await worker.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await worker.query(lockStatement(stream.table));
    return worker;
  } catch (error) {
    // The first session copies everything, if need be alone.
    logger.info({ stream: stream.name, reason: sqlState(error) ?? 'unreachable' }, 'copying with fewer connections');
    return undefined;
  }
}

function pageWriter(stream: TableStream, session: number, options: TableCopyOptions): PageWriter {
  const { epoch, point, acceptsText, acceptsBinary, copyConnections } = options;
  const version = versionBase(epoch, point.lsn);
  if (acceptsBinary && BinaryPage.takes(stream)) return new BinaryPage(stream, version, session, copyConnections);
  return acceptsText ? new TextPage(stream, version, session, copyConnections) : new RowPage(stream, version);
}

async function* copyRanges(
  worker: Client,
  stream: TableStream,
  left: BlockRange[],
  session: number,
  options: TableCopyOptions,
): AsyncGenerator<CopiedPage, void, undefined> {
  const page = pageWriter(stream, session, options);
  const wire = new WireSession(worker);
  let isDone = false;
  try {
    for (let range = left.shift(); range !== undefined; range = left.shift()) {
      wire.query(copyStatement(stream, page, range));
      while ((await wire.nextAnswer()) !== TAG.copyOutResponse);
      for (;;) {
        const stop = addRows(wire, page, options);
        if (stop === 'end') break;
        if (stop === 'full') yield page.take(false);
        else await wire.fill();
      }
      if (page.rowCount > 0) yield page.take(true);
    }
    isDone = true;
  } finally {
    if (isDone) wire.release();
    else wire.destroy();
  }
}

/** Adds the rows that are here already to the page, and says why it stopped: all of a copy may come in one read. */
function addRows(
  wire: WireSession,
  page: PageWriter,
  { pageRows, pageBytes }: Pick<TableCopyOptions, 'pageRows' | 'pageBytes'>,
): 'full' | 'end' | 'more' {
  const { scanner } = wire;
  while (scanner.next()) {
    const { tag } = scanner;
    if (tag === TAG.copyData) {
      page.add(scanner.buffer, scanner.start, scanner.end);
      if (page.rowCount >= pageRows || page.byteCount >= pageBytes) return 'full';
    } else if (tag === TAG.readyForQuery) {
      return 'end';
    } else if (tag === TAG.error) {
      wire.currentError();
    }
  }
  return 'more';
}

/** By its name the zone would be looked up for every row: a tenth of the server's CPU. */
const IN_UTC = " AT TIME ZONE INTERVAL '0'";

function copyStatement(stream: TableStream, { columns, format }: PageWriter, range: BlockRange): string {
  const { table } = stream;
  const isText = format === 'text';
  const list = columns.map(({ name, isZoned }) => `${identifier(name)}${isZoned && isText ? IN_UTC : ''}`).join(', ');
  const to = `TO STDOUT${isText ? '' : ' WITH (FORMAT binary)'}`;
  const conditions = [rangeCondition(range), ...(table.rowFilter === null ? [] : [`(${table.rowFilter})`])];
  const filter = conditions.filter((condition) => condition !== '').join(' AND ');
  if (table.kind !== 'p' && filter === '' && !isComputed(stream, isText)) {
    return `COPY ${qualified(table.schema, table.table)} (${list}) ${to}`;
  }
  return `COPY (SELECT ${list} FROM ${source(table)}${filter === '' ? '' : ` WHERE ${filter}`}) ${to}`;
}

// COPY refuses generated columns, and whatever is no column, in its list; a query may select them.
function isComputed({ table, columns }: TableStream, isText: boolean): boolean {
  return (
    (isText && columns.some(({ isZoned }) => isZoned)) ||
    table.columns.some((column) => column.isPublished && column.isGenerated)
  );
}
