import { EtlError, type ErrorKind } from '@etl/core';
import type { Client } from 'pg';
import { readTypes, type CatalogTable, type ServerFacts } from './catalog.ts';
import type { Connector } from './connector.ts';
import { identifier, qualified } from './identifier.ts';
import type { ResolvedOptions } from './options.ts';
import { pgError } from './pg-error.ts';
import { requireAlterationRights, requireCreationRights, tablesUnpublished } from './publication.ts';
import { previewTables, requireDistinctNames } from './read-plan.ts';
import { requireLogicalWal } from './read-session.ts';
import { readSlot, requireFreeSlot, requireUsableSlot } from './slot.ts';
import { streamName } from './stream-name.ts';
import { missingStream, tablesNotFound } from './table-selection.ts';
import { tableStream, type TableStream } from './table-stream.ts';
import { readSystem } from './timeline.ts';
import type { TypeRow } from './value-type.ts';

/**
 * Everything that would keep a run from being good, as far as it can be seen without changing anything. A
 * problem whose context names a `stream`, or `streams`, concerns only those.
 */
export async function findProblems(
  connector: Connector,
  control: Client,
  options: ResolvedOptions,
  facts: ServerFacts,
): Promise<readonly EtlError[]> {
  const problems: EtlError[] = [];
  const attempt = async (work: () => void | Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      problems.push(pgError(error, 'asking the server'));
    }
  };
  await attempt(() => requireLogicalWal(facts));
  // A server that writes no logical log refuses the session as well.
  if (problems.length === 0) await attempt(async () => void (await readSystem(connector, facts)));
  await attempt(async () => {
    const slot = await readSlot(control, options.slot);
    if (slot === undefined) await requireFreeSlot(control);
    else requireUsableSlot(options.slot, slot, facts.database);
  });
  await attempt(async () => {
    const { tables, unpublished, missing, difference, publication } = await previewTables(control, options, facts);
    await attempt(() => requireDistinctNames(tables));
    if (publication === undefined) {
      await attempt(() => requireCreationRights(control, options.publication, difference?.added ?? [], facts));
    } else if (difference !== undefined) {
      await attempt(() => requireAlterationRights(control, options.publication, difference));
    }
    if (unpublished.length > 0) problems.push(tablesUnpublished(options.publication, unpublished, { isNamed: false }));
    if (missing.length > 0) {
      const streams = missing.map((table) => missingStream(table, {}) ?? table.text);
      problems.push(tablesNotFound(missing, facts.database, streams));
    }
    const denied = tables.filter((table) => !table.isReadable);
    if (denied.length > 0) problems.push(unreadable(denied, facts));
    const readable = tables.filter((table) => table.isReadable);
    problems.push(...(await readableStreams(control, readable, facts)).problems);
  });
  return problems;
}

/** Whether a problem ends a whole reading, and not only that of some streams. */
export function concernsAll({ context }: EtlError): boolean {
  return context['stream'] === undefined && context['streams'] === undefined;
}

/** The streams of the tables, and for each table without one what is wrong with it. */
export async function readableStreams(
  control: Client,
  tables: readonly CatalogTable[],
  facts: ServerFacts,
): Promise<{ readonly streams: readonly TableStream[]; readonly problems: readonly EtlError[] }> {
  const types = new Map<number, TypeRow>();
  await readTypes(
    control,
    tables.flatMap((table) => table.columns.map((column) => column.type)),
    types,
  );
  const streams: TableStream[] = [];
  const problems: EtlError[] = [];
  for (const table of tables) {
    try {
      if (!table.isReadable) throw unreadable([table], facts);
      streams.push(tableStream(table, types));
    } catch (error) {
      problems.push(EtlError.from(error));
    }
  }
  return { streams, problems };
}

/** Throws a single problem as it is; of several, one error that names them all and has them as its cause. */
export function throwProblems(problems: readonly EtlError[]): void {
  const [first, ...others] = problems;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const kinds = new Set<ErrorKind>(problems.map(({ kind }) => kind));
  throw new EtlError({
    code: 'PG_CHECK_FAILED',
    kind: kinds.size === 1 ? first.kind : 'config',
    message: `There are ${problems.length} problems: ${problems.map(({ message }) => message).join(' ')}`,
    hint: problems.flatMap(({ hint }) => hint ?? []).join(' '),
    cause: new AggregateError(problems),
  });
}

function unreadable(tables: readonly CatalogTable[], { user }: ServerFacts): EtlError {
  const schemas = [...new Set(tables.map(({ schema }) => schema))].map(identifier).join(', ');
  const list = tables.map(({ schema, table }) => qualified(schema, table)).join(', ');
  const streams = tables.map(({ schema, table }) => streamName(schema, table));
  return new EtlError({
    code: 'PG_PERMISSION_DENIED',
    kind: 'permission',
    message: `The user may not read ${tables.map(({ schema, table }) => `${schema}.${table}`).join(', ')}.`,
    hint: `Let the owner of the tables run: GRANT USAGE ON SCHEMA ${schemas} TO ${identifier(user)}; GRANT SELECT ON ${list} TO ${identifier(user)};`,
    context: streams.length === 1 ? { stream: streams[0] ?? '' } : { streams: streams.join(', ') },
  });
}
