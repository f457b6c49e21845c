import { isDeepStrictEqual } from 'node:util';
import { EtlError, type SourceMessage, type SourceReadRequest, type StateEntry } from '@etl/core';
import type { Client } from 'pg';
import {
  describeTables,
  listPublishedTables,
  listTables,
  readTypes,
  type CatalogTable,
  type ServerFacts,
  type TableName,
} from './catalog.ts';
import { parseLsn } from './lsn.ts';
import type { ResolvedOptions } from './options.ts';
import { forgottenEntry, readTablePosition, tableEntry, tablePosition } from './position.ts';
import { alterPublication, createPublication, readPublication } from './publication.ts';
import type { ReadSession } from './read-session.ts';
import type { TableToCopy } from './snapshot-phase.ts';
import { findDrift } from './table-drift.ts';
import { TableSelection } from './table-selection.ts';
import { streamName, tableStream, type TableStream } from './table-stream.ts';

/** Brings a publication of ours in line with the options, and returns the tables to read. */
export async function preparePublication(
  client: Client,
  options: ResolvedOptions,
  facts: ServerFacts,
): Promise<readonly TableName[]> {
  const name = options.publication;
  const selection = new TableSelection(options);
  const publication = await readPublication(client, name);
  if (publication !== undefined && !publication.isOwn) {
    if (publication.unpublished.length > 0) throw incompletePublication(name, publication.unpublished);
    return selection.choose(await listPublishedTables(client, name), `the publication ${name}`);
  }
  const chosen = selection.choose(await listTables(client), `the database ${facts.database}`);
  if (publication === undefined) {
    await createPublication(client, name, chosen, facts.version);
  } else {
    const published = await listPublishedTables(client, name);
    const oids = (tables: readonly TableName[]): number[] => tables.map(({ oid }) => oid).sort((a, b) => a - b);
    if (!isDeepStrictEqual(oids(published), oids(chosen))) await alterPublication(client, name, chosen);
  }
  return chosen;
}

/** The tables that would be read; changes nothing. */
export async function previewTables(
  client: Client,
  options: ResolvedOptions,
  facts: ServerFacts,
): Promise<readonly CatalogTable[]> {
  const publication = await readPublication(client, options.publication);
  const selection = new TableSelection(options);
  const isForeign = publication !== undefined && !publication.isOwn;
  const chosen = isForeign
    ? selection.choose(await listPublishedTables(client, options.publication), `the publication ${options.publication}`)
    : selection.choose(await listTables(client), `the database ${facts.database}`);
  return describeTables(
    client,
    chosen.map(({ oid }) => oid),
    {
      version: facts.version,
      ...(isForeign ? { publication: options.publication } : {}),
    },
  );
}

/** @throws `PG_STREAM_NAME_CONFLICT` (config) when two tables would become one stream. */
export function requireDistinctNames(tables: readonly TableName[]): void {
  const names = new Map<string, TableName>();
  for (const table of tables) {
    const name = streamName(table.schema, table.table);
    const other = names.get(name);
    if (other !== undefined) {
      throw new EtlError({
        code: 'PG_STREAM_NAME_CONFLICT',
        kind: 'config',
        message: `The tables ${other.schema}.${other.table} and ${table.schema}.${table.table} would both be the stream ${name}.`,
        hint: 'Exclude one of them.',
      });
    }
    names.set(name, table);
  }
}

/**
 * Compares the tables with the stored positions: those that can go on become live, those to copy are
 * put into `toCopy`, the others are told to the engine.
 */
export async function* planTables(
  session: ReadSession,
  tables: readonly TableName[],
  request: Pick<SourceReadRequest, 'state' | 'streams' | 'fullRefresh'>,
  toCopy: TableToCopy[],
): AsyncGenerator<SourceMessage, void, undefined> {
  const { control, facts, options, types, draft, live, logger } = session;
  const state = request.state ?? [];
  const described = await describeTables(
    control,
    tables.map(({ oid }) => oid),
    {
      version: facts.version,
      publication: options.publication,
    },
  );
  await readTypes(
    control,
    described.flatMap((table) => table.columns.map((column) => column.type)),
    types,
  );
  for (const table of described) {
    const name = streamName(table.schema, table.table);
    const isSelected = request.streams?.includes(name) ?? true;
    const position = request.fullRefresh === true && isSelected ? undefined : readTablePosition(state, name);
    if (position !== undefined) {
      // A column may be gone whose type still has to be compared.
      await readTypes(
        control,
        position.columns.map(([, , type]) => type),
        types,
      );
    }
    let stream: TableStream;
    try {
      stream = tableStream(table, types);
    } catch (error) {
      yield { type: 'stream-failed', stream: name, error: EtlError.from(error) };
      continue;
    }
    const copied = { oid: table.oid, stream: name };
    if (position === undefined) {
      if (isSelected) toCopy.push(copied);
      continue;
    }
    const drift = await findDrift(control, position, table, types);
    if (drift.type === 'resync') {
      logger.warn({ stream: name, reason: drift.reason }, 'table must be copied anew');
      toCopy.push(copied);
      continue;
    }
    const fromLsn = parseLsn(position.from_lsn);
    live.set(table.oid, { stream, fromLsn });
    const now = tablePosition(table, fromLsn);
    if (!isDeepStrictEqual(now, position)) draft.set(tableEntry(name, now));
    if (drift.type === 'evolved') yield { type: 'schema', stream: stream.spec };
  }
  forgetOthers(session, described, state);
}

// The slot moves on without the changes of a table that is not live, so no later run may go on from its entry.
function forgetOthers(session: ReadSession, tables: readonly CatalogTable[], state: readonly StateEntry[]): void {
  const names = new Set(tables.map(({ schema, table }) => streamName(schema, table)));
  const live = new Set([...session.live.values()].map(({ stream }) => stream.name));
  for (const { stream, value } of state) {
    if (stream === '' || value === null || live.has(stream)) continue;
    if (!names.has(stream)) session.logger.warn({ stream }, 'table is no longer read; what was loaded stays');
    session.draft.set(forgottenEntry(stream));
  }
}

function incompletePublication(name: string, unpublished: readonly string[]): EtlError {
  return new EtlError({
    code: 'PG_PUBLICATION_INCOMPLETE',
    kind: 'config',
    message: `The publication ${name} leaves out ${unpublished.join(', ')}, so the tables would drift apart.`,
    hint: `Run ALTER PUBLICATION ${name} SET (publish = 'insert, update, delete, truncate').`,
  });
}
