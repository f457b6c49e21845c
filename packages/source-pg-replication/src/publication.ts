import { EtlError } from '@etl/core';
import type { Client } from 'pg';
import { listForeignTables, type ServerFacts, type TableName, type UnpublishedTable } from './catalog.ts';
import { identifier, literal, qualified } from './identifier.ts';
import { pgError, sqlState } from './pg-error.ts';
import { streamName } from './stream-name.ts';

/** Says in the catalog that the publication may be changed by us. */
const OWN_COMMENT = 'Managed by @etl/source-pg-replication.';

export interface PublicationFacts {
  readonly isOwn: boolean;
  readonly isViaRoot: boolean;
  /** What it leaves out, of insert, update, delete and truncate. */
  readonly unpublished: readonly string[];
}

export async function readPublication(client: Client, name: string): Promise<PublicationFacts | undefined> {
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot,
       obj_description(oid, 'pg_publication') AS comment
     FROM pg_publication WHERE pubname = ${literal(name)}`,
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    isOwn: row['comment'] === OWN_COMMENT,
    isViaRoot: row['pubviaroot'] === 't',
    unpublished: ['insert', 'update', 'delete', 'truncate'].filter((operation) => row[`pub${operation}`] !== 't'),
  };
}

/** Creates a publication of ours for exactly `tables`. */
export async function createPublication(
  client: Client,
  name: string,
  tables: readonly TableName[],
  serverVersion: number,
): Promise<void> {
  const create = createStatement(name, tables, serverVersion);
  const comment = `COMMENT ON PUBLICATION ${identifier(name)} IS ${literal(OWN_COMMENT)}`;
  // One simple query is one transaction: a publication of ours never stands without its mark.
  await change(client, name, `${create}; ${comment}`, create);
}

function createStatement(name: string, tables: readonly TableName[], serverVersion: number): string {
  const generated = serverVersion >= 180_000 ? ', publish_generated_columns = stored' : '';
  const published = tables.length === 0 ? '' : ` FOR TABLE ${listOf(tables)}`;
  return `CREATE PUBLICATION ${identifier(name)}${published} WITH (publish_via_partition_root = true${generated})`;
}

/**
 * Adds tables to a publication of ours, and takes others out. Tables that stay are not touched, so that they may
 * belong to anybody by now.
 */
export async function alterPublication(client: Client, name: string, difference: TableDifference): Promise<void> {
  const alter = alterStatement(name, difference);
  await change(client, name, alter, alter);
}

export interface TableDifference {
  readonly added: readonly TableName[];
  readonly dropped: readonly TableName[];
}

function alterStatement(name: string, { added, dropped }: TableDifference): string {
  return [
    ...(added.length === 0 ? [] : [`ALTER PUBLICATION ${identifier(name)} ADD TABLE ${listOf(added)}`]),
    ...(dropped.length === 0 ? [] : [`ALTER PUBLICATION ${identifier(name)} DROP TABLE ${listOf(dropped)}`]),
  ].join('; ');
}

function listOf(tables: readonly TableName[]): string {
  return tables.map(({ schema, table }) => `ONLY ${qualified(schema, table)}`).join(', ');
}

async function change(client: Client, name: string, sql: string, shown: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    if (sqlState(error) !== '42501') throw pgError(error, `setting up the publication ${name}`);
    throw publicationDenied(name, shown, error instanceof Error ? error.message : '', error);
  }
}

/** Proves that {@link createPublication} would be allowed. */
export async function requireCreationRights(
  client: Client,
  name: string,
  tables: readonly TableName[],
  facts: ServerFacts,
): Promise<void> {
  const { rows } = await client.query<{ allowed: string }>(
    `SELECT has_database_privilege(current_database(), 'CREATE') AS allowed`,
  );
  const foreign = await listForeignTables(client, tables);
  const reasons = [
    ...(rows[0]?.allowed === 't' ? [] : [`permission denied for database ${facts.database}`]),
    ...(foreign.length === 0 ? [] : [`must be owner of ${namesOf(foreign)}`]),
  ];
  if (reasons.length > 0)
    throw publicationDenied(name, createStatement(name, tables, facts.version), reasons.join('; '));
}

/** Proves that {@link alterPublication} would be allowed, to a user who owns the tables. */
export async function requireAlterationRights(
  client: Client,
  name: string,
  difference: TableDifference,
): Promise<void> {
  const { rows } = await client.query<{ owned: string }>(
    `SELECT pg_has_role(pubowner, 'USAGE') AS owned FROM pg_publication WHERE pubname = ${literal(name)}`,
  );
  if (rows[0]?.owned === 't') return;
  throw publicationDenied(name, alterStatement(name, difference), `must be owner of publication ${name}`);
}

function publicationDenied(name: string, statement: string, reason: string, cause?: unknown): EtlError {
  return new EtlError({
    code: 'PG_PUBLICATION_DENIED',
    kind: 'permission',
    message: `The user may not create or change the publication ${name} (${reason}).`,
    hint: `Let who owns the tables, with CREATE on the database, run: ${statement}; Or make the user a member of the owning role, with CREATE on the database.`,
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Tables that a publication leaves out: one of somebody else, or one of ours to which the user may not add them. `isNamed` when the options name each of them;
 * otherwise they are among all that are to be read.
 */
export function tablesUnpublished(
  name: string,
  tables: readonly UnpublishedTable[],
  { isNamed }: { readonly isNamed: boolean },
): EtlError {
  const streams = tables.map(({ schema, table }) => streamName(schema, table));
  const names = namesOf(tables);
  const owners = [...new Set(tables.flatMap(({ owner }) => owner ?? []))].join(', ');
  const areRoots = tables.every(({ isInPartitions }) => isInPartitions);
  const correction = areRoots
    ? 'SET (publish_via_partition_root = true)'
    : `ADD TABLE ${listOf(tables.filter(({ isInPartitions }) => !isInPartitions))}`;
  return new EtlError({
    code: 'PG_TABLE_UNPUBLISHED',
    kind: 'config',
    message: areRoots
      ? `The publication ${name} publishes ${names} by its partitions, not as one table.`
      : `The publication ${name} does not publish ${names}, so nothing of ${tables.length === 1 ? 'it' : 'them'} can be read${owners === '' ? '' : `; only ${owners} may add what ${owners} owns`}.`,
    hint: `Let a superuser, or who owns both publication and tables, run: ALTER PUBLICATION ${identifier(name)} ${correction};${isNamed ? '' : ' Or say with the options tables or exclude that this is meant.'}`,
    context: streams.length === 1 ? { stream: streams[0] ?? '' } : { streams: streams.join(', ') },
  });
}

function namesOf(tables: readonly TableName[]): string {
  return tables.map(({ schema, table }) => `${schema}.${table}`).join(', ');
}
