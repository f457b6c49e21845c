import { EtlError, type SourceMessage } from '@etl/core';
import { forgottenEntry, tableEntry, tablePosition } from './position.ts';
import { temporarySlot, type ReadSession } from './read-session.ts';
import { createSnapshotPoint, type SnapshotPoint } from './snapshot-point.ts';
import { beginTableCopy, type TableCopy } from './table-copy.ts';

/** A table to copy; it is described anew under the snapshot. */
export interface TableToCopy {
  readonly oid: number;
  readonly stream: string;
}

const SLOW_SLOT_MS = 5000;

/**
 * Copies tables, each with a checkpoint of its own, and makes them live. A table that is rewritten
 * meanwhile is copied anew under a new snapshot.
 *
 * @param first A snapshot that exists already; it is closed here.
 */
export async function* copyTables(
  session: ReadSession,
  tables: readonly TableToCopy[],
  first?: SnapshotPoint,
): AsyncGenerator<SourceMessage, void, undefined> {
  let point = first;
  let left = tables;
  try {
    for (let attempt = 1; left.length > 0; attempt += 1) {
      point ??= await snapshotPoint(session);
      const changed: TableToCopy[] = [];
      for (const table of left) {
        if ((yield* copyTable(session, table, point)) === 'changed') changed.push(table);
      }
      await point.close();
      point = undefined;
      if (attempt >= session.options.snapshotAttempts) {
        for (const table of changed) yield* fail(session, table, keepsChanging(table.stream));
        return;
      }
      left = changed;
    }
  } finally {
    await point?.close();
  }
}

async function* copyTable(
  session: ReadSession,
  table: TableToCopy,
  point: SnapshotPoint,
): AsyncGenerator<SourceMessage, 'done' | 'changed', undefined> {
  const { logger, draft, live } = session;
  try {
    const copy = await beginTableCopy({
      ...session,
      ...session.options,
      acceptsText: session.acceptsText && !session.asRows.has(table.stream),
      acceptsBinary: session.acceptsBinary && !session.asRows.has(table.stream),
      point,
      table,
      serverVersion: session.facts.version,
      epoch: session.position.epoch,
    });
    if (copy === 'changed') {
      logger.info({ stream: table.stream }, 'table changed before its snapshot, copying it under a new one');
      return 'changed';
    }
    if (copy === 'gone') {
      logger.warn({ stream: table.stream }, 'table is gone');
      return 'done';
    }
    yield* copyRows(copy);
    yield* session.replaced?.messages(copy.stream.name) ?? [];
    const { stream } = copy;
    live.set(stream.table.oid, { stream, fromLsn: point.lsn });
    draft.set(tableEntry(stream.name, tablePosition(stream.table, point.lsn)));
    yield { type: 'checkpoint', checkpoint: draft.take() };
  } catch (error) {
    if (!EtlError.isInstance(error) || error.kind === 'transient' || error.kind === 'internal') throw error;
    yield* fail(session, table, error);
  }
  return 'done';
}

async function* copyRows(copy: TableCopy): AsyncGenerator<SourceMessage, void, undefined> {
  const { stream } = copy;
  const pages = copy.pages();
  // The server copies while the destination makes its table ready.
  let next = pages.next();
  next.catch(() => undefined);
  let isBegun = false;
  try {
    yield { type: 'schema', stream: stream.spec };
    yield { type: 'truncate', stream: stream.name };
    isBegun = true;
    const { estimatedRows } = stream.table;
    const expected = estimatedRows > 0 ? { expectedRows: estimatedRows } : {};
    let count = 0;
    for (let page = await next; page.done !== true; page = await next) {
      yield page.value.message;
      count += page.value.rowCount;
      yield { type: 'progress', stream: stream.name, phase: 'snapshot', rows: count, ...expected };
      next = pages.next();
    }
  } finally {
    // Nobody waits for a first page that nobody takes.
    if (!isBegun) copy.destroy();
    await pages.return();
  }
}

async function* fail(
  { draft, live }: ReadSession,
  { oid, stream }: TableToCopy,
  error: EtlError,
): AsyncGenerator<SourceMessage, void, undefined> {
  live.delete(oid);
  yield { type: 'stream-failed', stream, error };
  draft.set(forgottenEntry(stream));
  yield { type: 'checkpoint', checkpoint: draft.take() };
}

async function snapshotPoint(session: ReadSession): Promise<SnapshotPoint> {
  const { connector, options } = session;
  return unblocked(session, createSnapshotPoint(connector, { name: temporarySlot(options.slot), isTemporary: true }));
}

/** Says who is waited for when a slot is slow to come: it waits for every open transaction. */
export async function unblocked<T>(session: ReadSession, work: Promise<T>): Promise<T> {
  const warn = async (): Promise<void> => {
    const { rows } = await session.control.query<{ pid: string }>(
      `SELECT pid FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY xact_start LIMIT 10`,
    );
    session.logger.warn({ pids: rows.map(({ pid }) => Number(pid)) }, 'snapshot waits for open transactions');
  };
  const timer = setTimeout(() => void warn().catch(() => undefined), SLOW_SLOT_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}

function keepsChanging(stream: string): EtlError {
  return new EtlError({
    code: 'PG_TABLE_KEEPS_CHANGING',
    kind: 'transient',
    message: `The table of ${stream} was truncated or rewritten each time that its copy began.`,
    hint: 'Run again when nothing truncates or alters the table.',
    context: { stream },
  });
}
