import { isDeepStrictEqual } from 'node:util';
import { EtlError, type SourceMessage, type SourceReadRequest, type StateEntry } from '@etl/core';
import type { Client } from 'pg';
import {
  describeTables,
  listForeignTables,
  listUnidentifiedTables,
  listPublishedTables,
  listTables,
  listUnpublishedTables,
  readTypes,
  type CatalogTable,
  type ServerFacts,
  type TableName,
  type UnpublishedTable,
} from './catalog.ts';
import { askCatalog } from './catalog-race.ts';
import { identifier } from './identifier.ts';
import { parseLsn } from './lsn.ts';
import type { ResolvedOptions } from './options.ts';
import { forgottenEntry, readTablePosition, tableEntry, tablePosition } from './position.ts';
import {
  alterPublication,
  createPublication,
  readPublication,
  tablesUnpublished,
  type PublicationFacts,
  type TableDifference,
} from './publication.ts';
import type { ReadSession } from './read-session.ts';
import type { TableToCopy } from './snapshot-phase.ts';
import { streamName } from './stream-name.ts';
import { findDrift, lostLeaves } from './table-drift.ts';
import { missingStream, tablesNotFound, TableSelection, type MissingTable } from './table-selection.ts';
import { tableStream, type TableStream } from './table-stream.ts';

/** Which tables are to be read. */
export interface TableChoice<T extends TableName> {
  readonly tables: readonly T[];
  /** Chosen by the options, but not published, nor to be published by us: each fails by name. */
  readonly unpublished: readonly UnpublishedTable[];
  /** Named by the options, but not there: each fails by name. */
  readonly missing: readonly MissingTable[];
  /** What a publication of ours has to be changed by; absent when it is right, and for one of somebody else. */
  readonly difference?: TableDifference;
}

/** Brings a publication of ours in line with the options, and returns the tables to read. */
export async function preparePublication(
  client: Client,
  options: ResolvedOptions,
  facts: ServerFacts,
): Promise<TableChoice<TableName>> {
  return askCatalog(async () => preparedTables(client, options, facts));
}

async function preparedTables(
  client: Client,
  options: ResolvedOptions,
  facts: ServerFacts,
): Promise<TableChoice<TableName>> {
  const name = options.publication;
  const publication = await readPublication(client, name);
  const choice = await chooseTables(client, options, facts, publication);
  if (publication === undefined) await createPublication(client, name, choice.difference?.added ?? [], facts.version);
  else if (choice.difference !== undefined) await alterPublication(client, name, choice.difference);
  return choice;
}

/** The tables that would be read; changes nothing. */
export async function previewTables(
  client: Client,
  options: ResolvedOptions,
  facts: ServerFacts,
): Promise<TableChoice<CatalogTable> & { readonly publication: PublicationFacts | undefined }> {
  const publication = await readPublication(client, options.publication);
  const { tables, ...choice } = await chooseTables(client, options, facts, publication);
  const isForeign = publication !== undefined && !publication.isOwn;
  const described = await describeTables(
    client,
    tables.map(({ oid }) => oid),
    {
      version: facts.version,
      ...(isForeign ? { publication: options.publication } : {}),
    },
  );
  return { ...choice, tables: described, publication };
}

/** Whether other tables are to be read than those of a choice that was made before. */
export async function haveTablesChanged(
  client: Client,
  options: ResolvedOptions,
  facts: ServerFacts,
  before: TableChoice<TableName>,
): Promise<boolean> {
  const publication = await readPublication(client, options.publication);
  const now = await chooseTables(client, options, facts, publication);
  return !isDeepStrictEqual(oidsOf(before), oidsOf(now));
}

function oidsOf({ tables, unpublished }: TableChoice<TableName>): readonly (readonly number[])[] {
  return [tables, unpublished].map((list) => list.map(({ oid }) => oid).toSorted((one, other) => one - other));
}

async function chooseTables(
  client: Client,
  options: ResolvedOptions,
  facts: ServerFacts,
  publication: PublicationFacts | undefined,
): Promise<TableChoice<TableName>> {
  const name = options.publication;
  const selection = new TableSelection(options);
  const { database } = facts;
  if (publication !== undefined && publication.unpublished.length > 0)
    throw incompletePublication(name, publication.unpublished);
  if (publication === undefined || publication.isOwn) {
    if (publication?.isViaRoot === false) throw withoutRoots(name);
    const all = await listTables(client);
    const chosen = selection.choose(all, database);
    const present = publication === undefined ? [] : await listPublishedTables(client, name);
    return { ...(await ownChoice(client, chosen, present)), missing: selection.missing(all) };
  }
  const published = await listPublishedTables(client, name);
  const others = new Map((await listUnpublishedTables(client, published)).map((table) => [table.oid, table]));
  const all = [...published, ...others.values()];
  const chosen = selection.choose(all, database);
  // Nobody must be told to publish what could not be updated any more: such a table fails by its own name.
  const unidentified = oidSet(await listUnidentifiedTables(client, [...others.values()]));
  const tables = chosen.filter(({ oid }) => !others.has(oid) || unidentified.has(oid));
  const left = chosen.flatMap(({ oid }) => others.get(oid) ?? []).filter(({ oid }) => !unidentified.has(oid));
  const named = left.filter((table) => selection.isNamed(table));
  if (named.length > 0) throw tablesUnpublished(name, named, { isNamed: true });
  const unpublished = left.filter(({ isInPartitions }) => !isInPartitions);
  if (tables.length === 0) throw tablesUnpublished(name, left, { isNamed: false });
  return { tables, unpublished, missing: selection.missing(all) };
}

/**
 * What a publication of ours is to publish. A table that is not ours to add must not keep the others
 * from it; one without a replica identity is left out, or PostgreSQL would refuse to update it.
 */
async function ownChoice(
  client: Client,
  chosen: readonly TableName[],
  published: readonly TableName[],
): Promise<Omit<TableChoice<TableName>, 'missing'>> {
  const oids = oidSet(published);
  const unidentified = oidSet(await listUnidentifiedTables(client, chosen));
  const publishable = chosen.filter(({ oid }) => !unidentified.has(oid));
  const missing = publishable.filter(({ oid }) => !oids.has(oid));
  const foreign = await listForeignTables(client, missing);
  // With none of its own, the user may not make the publication: that is said of the whole.
  const unpublished = foreign.length === publishable.length ? [] : foreign;
  const left = oidSet(unpublished);
  const tables = chosen.filter(({ oid }) => !left.has(oid));
  const kept = oidSet(publishable.filter(({ oid }) => !left.has(oid)));
  const added = missing.filter(({ oid }) => kept.has(oid));
  const dropped = published.filter(({ oid }) => !kept.has(oid));
  return { tables, unpublished, ...(added.length + dropped.length === 0 ? {} : { difference: { added, dropped } }) };
}

function oidSet(tables: readonly TableName[]): ReadonlySet<number> {
  return new Set(tables.map(({ oid }) => oid));
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
  { tables, unpublished, missing }: TableChoice<TableName>,
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
      stream = tableStream(table, types, session.replaced);
    } catch (error) {
      if (isSelected || position !== undefined) {
        yield { type: 'stream-failed', stream: name, error: EtlError.from(error) };
      }
      continue;
    }
    const copied = { oid: table.oid, stream: name };
    if (position === undefined) {
      if (isSelected) toCopy.push(copied);
      continue;
    }
    const drift = await findDrift(control, position, table, types);
    if (drift.type === 'resync') {
      logger.warn({ stream: name, reason: drift.reason }, 'the table is copied anew');
      toCopy.push(copied);
      continue;
    }
    const fromLsn = parseLsn(position.from_lsn);
    live.set(table.oid, { stream, fromLsn });
    const now = tablePosition(table, fromLsn);
    if (!isDeepStrictEqual(now, position)) draft.set(tableEntry(name, now));
    const lost = lostLeaves(position, table);
    if (drift.type === 'evolved' || lost > 0) yield { type: 'schema', stream: stream.spec };
    if (lost > 0) yield partitionsGone(session, name, lost);
  }
  for (const table of unpublished) {
    const stream = streamName(table.schema, table.table);
    if (request.streams?.includes(stream) === false) continue;
    yield { type: 'stream-failed', stream, error: tablesUnpublished(options.publication, [table], { isNamed: false }) };
  }
  for (const table of missing) {
    const stream = missingStream(table, request);
    if (stream === undefined) continue;
    yield { type: 'stream-failed', stream, error: tablesNotFound([table], facts.database, [stream]) };
  }
  const known = [...described, ...unpublished].map(({ schema, table }) => streamName(schema, table));
  forgetOthers(session, new Set([...known, ...missing.flatMap(({ streams }) => streams)]), state);
}

function partitionsGone({ logger }: ReadSession, stream: string, count: number): SourceMessage {
  const actual =
    count === 1 ? 'one detached or dropped; its rows stay' : `${count} detached or dropped; their rows stay`;
  logger.warn({ stream, reason: actual }, 'partitions are gone');
  return { type: 'drift-found', stream, drift: { property: 'partitions', declared: 'all', actual } };
}

// The slot moves on without the changes of a table that is not live, so no later run may go on from its entry.
function forgetOthers(session: ReadSession, names: ReadonlySet<string>, state: readonly StateEntry[]): void {
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
    hint: `Run ALTER PUBLICATION ${identifier(name)} SET (publish = 'insert, update, delete, truncate'); What it left out is not in the log: if it was complete before, run again with --full-refresh of all streams.`,
  });
}

/** Somebody has changed our publication; changes of partitions would come under names that nobody reads. */
function withoutRoots(name: string): EtlError {
  return new EtlError({
    code: 'PG_PUBLICATION_INCOMPLETE',
    kind: 'config',
    message: `The publication ${name} publishes partitions instead of their tables; it was made otherwise.`,
    hint: `Run ALTER PUBLICATION ${identifier(name)} SET (publish_via_partition_root = true); Then run again with --full-refresh of all streams.`,
  });
}
