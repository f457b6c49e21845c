import { EtlError } from '@etl/core';
import type { Client } from 'pg';
import type { ServerFacts, TableName, UnpublishedTable } from './catalog.ts';
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
  return `CREATE PUBLICATION ${identifier(name)} FOR TABLE ${listOf(tables)} WITH (publish_via_partition_root = true${generated})`;
}

/** Makes a publication of ours publish exactly `tables`; tables that stay are not touched. */
export async function alterPublication(client: Client, name: string, tables: readonly TableName[]): Promise<void> {
  const alter = alterStatement(name, tables);
  await change(client, name, alter, alter);
}

function alterStatement(name: string, tables: readonly TableName[]): string {
  return `ALTER PUBLICATION ${identifier(name)} SET TABLE ${listOf(tables)}`;
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

/** Proves that {@link createPublication} would be allowed, or {@link alterPublication} of one of ours. */
export async function requirePublicationRights(
  client: Client,
  name: string,
  tables: readonly TableName[],
  facts: ServerFacts,
  { exists }: { readonly exists: boolean },
): Promise<void> {
  const { rows } = await client.query<{ create: string; foreign: string }>(
    `SELECT has_database_privilege(current_database(), 'CREATE') AS create,
       array_to_json(ARRAY(SELECT oid::int8 FROM pg_class
         WHERE oid IN (${tables.map(({ oid }) => oid).join(', ')}) AND NOT pg_has_role(relowner, 'USAGE'))) AS foreign`,
  );
  const [row] = rows;
  const foreign = new Set(JSON.parse(row?.foreign ?? '[]') as number[]);
  const owned = tables.filter(({ oid }) => foreign.has(oid)).map(({ schema, table }) => `${schema}.${table}`);
  const reasons = [
    ...(exists || row?.create === 't' ? [] : [`permission denied for database ${facts.database}`]),
    ...(owned.length === 0 ? [] : [`must be owner of ${owned.join(', ')}`]),
  ];
  if (reasons.length > 0) {
    const statement = exists ? alterStatement(name, tables) : createStatement(name, tables, facts.version);
    throw publicationDenied(name, statement, reasons.join('; '));
  }
}

function publicationDenied(name: string, statement: string, reason: string, cause?: unknown): EtlError {
  return new EtlError({
    code: 'PG_PUBLICATION_DENIED',
    kind: 'permission',
    message: `The user may not create or change the publication ${name} (${reason}).`,
    hint: `Let the owner of the tables, who needs CREATE on the database, run: ${statement}; Or make the user a member of the role that owns the tables, with CREATE on the database; or exclude tables.`,
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Tables that a publication of somebody else leaves out. `isNamed` when the options name each of them;
 * otherwise they are among all that are to be read.
 */
export function tablesUnpublished(
  name: string,
  tables: readonly UnpublishedTable[],
  { isNamed }: { readonly isNamed: boolean },
): EtlError {
  const streams = tables.map(({ schema, table }) => streamName(schema, table));
  const names = tables.map(({ schema, table }) => `${schema}.${table}`).join(', ');
  const areRoots = tables.every(({ isInPartitions }) => isInPartitions);
  const correction = areRoots
    ? 'SET (publish_via_partition_root = true)'
    : `ADD TABLE ${listOf(tables.filter(({ isInPartitions }) => !isInPartitions))}`;
  return new EtlError({
    code: 'PG_TABLE_UNPUBLISHED',
    kind: 'config',
    message: areRoots
      ? `The publication ${name} publishes ${names} by its partitions, not as one table.`
      : `The publication ${name} does not publish ${names}, so nothing of ${tables.length === 1 ? 'it' : 'them'} can be read.`,
    hint: `Let the owner of publication and tables run: ALTER PUBLICATION ${identifier(name)} ${correction};${isNamed ? '' : ' Or say with the options tables or exclude that this is meant.'}`,
    context: streams.length === 1 ? { stream: streams[0] ?? '' } : { streams: streams.join(', ') },
  });
}
