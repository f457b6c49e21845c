import { EtlError } from '@etl/core';
import type { Client } from 'pg';
import type { TableName } from './catalog.ts';
import { identifier, literal, qualified } from './identifier.ts';
import { pgError, sqlState } from './pg-error.ts';

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
  const generated = serverVersion >= 180_000 ? ', publish_generated_columns = stored' : '';
  const create = `CREATE PUBLICATION ${identifier(name)} FOR TABLE ${listOf(tables)} WITH (publish_via_partition_root = true${generated})`;
  const comment = `COMMENT ON PUBLICATION ${identifier(name)} IS ${literal(OWN_COMMENT)}`;
  // One simple query is one transaction: a publication of ours never stands without its mark.
  await change(client, name, `${create}; ${comment}`, tables);
}

/** Makes a publication of ours publish exactly `tables`; tables that stay are not touched. */
export async function alterPublication(client: Client, name: string, tables: readonly TableName[]): Promise<void> {
  await change(client, name, `ALTER PUBLICATION ${identifier(name)} SET TABLE ${listOf(tables)}`, tables);
}

function listOf(tables: readonly TableName[]): string {
  return tables.map(({ schema, table }) => `ONLY ${qualified(schema, table)}`).join(', ');
}

async function change(client: Client, name: string, sql: string, tables: readonly TableName[]): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    if (sqlState(error) !== '42501') throw pgError(error, `setting up the publication ${name}`);
    throw publicationDenied(name, tables, error);
  }
}

/** Proves that {@link createPublication} would be allowed. */
export async function requirePublicationRights(
  client: Client,
  name: string,
  tables: readonly TableName[],
): Promise<void> {
  const { rows } = await client.query<{ allowed: string }>(
    `SELECT has_database_privilege(current_database(), 'CREATE')
       AND NOT EXISTS (SELECT FROM pg_class WHERE oid IN (${tables.map(({ oid }) => oid).join(', ')})
         AND NOT pg_has_role(relowner, 'USAGE')) AS allowed`,
  );
  if (rows[0]?.allowed !== 't') throw publicationDenied(name, tables);
}

function publicationDenied(name: string, tables: readonly TableName[], cause?: unknown): EtlError {
  const first = tables[0];
  const example = first === undefined ? 'ALL TABLES' : `TABLE ${qualified(first.schema, first.table)}, …`;
  const detail = cause instanceof Error ? ` (${cause.message})` : '';
  return new EtlError({
    code: 'PG_PUBLICATION_DENIED',
    kind: 'permission',
    message: `The user may not create or change the publication ${name}${detail}.`,
    hint: `Let the owner of the tables run: CREATE PUBLICATION ${identifier(name)} FOR ${example} WITH (publish_via_partition_root = true).`,
    ...(cause === undefined ? {} : { cause }),
  });
}
