import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import { clickHouseRowText, postgresRowText, type SourceColumn } from './canonical-value.ts';

/** What a table holds: how many rows, and the sum of their digests, whatever their order. */
export interface TableContent {
  readonly rows: number;
  /** 32 hexadecimal digits. */
  readonly checksum: string;
}

/** A table of PostgreSQL with its columns in order. */
export interface SourceTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly SourceColumn[];
}

const HALF = 64;

/** The ordinary tables of a database, outside PostgreSQL's own schemas. */
export async function readTables(client: Client, exceptSchemas: readonly string[] = []): Promise<SourceTable[]> {
  const { rows } = await client.query<{ schema: string; name: string; columns: SourceColumn[] }>(
    `SELECT n.nspname AS schema, c.relname AS name,
       json_agg(json_build_object(
         'name', a.attname,
         -- Without a precision a numeric is carried as its text.
         'type', CASE WHEN 'numeric' IN (t.typname, item.typname) AND a.atttypmod = -1 THEN 'text'
           WHEN t.typelem <> 0 AND t.typlen = -1 THEN item.typname ELSE t.typname END,
         'isArray', t.typelem <> 0 AND t.typlen = -1) ORDER BY a.attnum) AS columns
     FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       JOIN pg_type t ON t.oid = a.atttypid
       LEFT JOIN pg_type item ON item.oid = t.typelem
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND n.nspname <> ALL ($1)
     GROUP BY n.nspname, c.relname
     ORDER BY n.nspname <> 'public', n.nspname, c.relname`,
    [exceptSchemas],
  );
  return rows;
}

/** Computed by PostgreSQL alone. */
export async function postgresContent(client: Client, table: SourceTable): Promise<TableContent> {
  const { rows } = await client.query<{ rows: string; high: string; low: string }>(
    `SELECT count(*) AS rows, coalesce(sum(('x' || left(digest, 16))::bit(64)::bigint), 0)::text AS high,
       coalesce(sum(('x' || right(digest, 16))::bit(64)::bigint), 0)::text AS low
     FROM (SELECT md5(${postgresRowText(table.columns)}) AS digest
       FROM "${table.schema}"."${table.name}" OFFSET 0) AS digests`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('no answer');
  return { rows: Number(row.rows), checksum: half(row.high) + half(row.low) };
}

/** A query of ClickHouse for the same, to be run in the format JSONEachRow. `view` is quoted. */
export function clickHouseContentQuery(view: string, table: Pick<SourceTable, 'columns'>): string {
  const halfSum = (from: number): string =>
    `toString(sum(reinterpretAsUInt64(reverse(substring(digest, ${from}, 8)))))`;
  return `SELECT toString(count()) AS rows, ${halfSum(1)} AS high, ${halfSum(9)} AS low
    FROM (SELECT MD5(${clickHouseRowText(table.columns)}) AS digest FROM ${view})`;
}

/** Reads the one line that {@link clickHouseContentQuery} gives. */
export function clickHouseContent(line: string): TableContent {
  const row = JSON.parse(line) as { rows: string; high: string; low: string };
  return { rows: Number(row.rows), checksum: half(row.high) + half(row.low) };
}

/** The same of row texts that this process has made. */
export function contentOfTexts(texts: Iterable<string>): TableContent {
  let [rows, high, low] = [0, 0n, 0n];
  for (const text of texts) {
    const digest = createHash('md5').update(text).digest();
    rows += 1;
    high += digest.readBigUInt64BE(0);
    low += digest.readBigUInt64BE(8);
  }
  return { rows, checksum: half(String(high)) + half(String(low)) };
}

/** A sum modulo 2^64, as PostgreSQL adds exactly and ClickHouse wraps around. */
function half(sum: string): string {
  return BigInt.asUintN(HALF, BigInt(sum))
    .toString(16)
    .padStart(HALF / 4, '0');
}

/** The name of a table's stream: the schema stands in it unless it is `public`. */
export function streamName({ schema, name }: SourceTable): string {
  return schema === 'public' ? name : `${schema}__${name}`;
}
