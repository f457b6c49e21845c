import type { OperationOptions } from '@etl/core';
import type { ClickHouseReader } from '@etl/dest-clickhouse';
import type { Client } from 'pg';
import { claimedContent, type PlatformClaim } from './platform-claim.ts';
import {
  clickHouseContent,
  clickHouseContentQuery,
  postgresContent,
  readTables,
  streamName,
  type TableContent,
} from './content-checksum.ts';

/** What the two sides hold of one stream. */
export interface Comparison {
  readonly stream: string;
  /** Name of the table in ClickHouse. */
  readonly table: string;
  readonly source: TableContent;
  readonly clickHouse: TableContent;
  readonly isEqual: boolean;
}

/** Compares every table, column by column and row by row, through a digest that each side computes alone. */
export async function compareTables(
  client: Client,
  reader: ClickHouseReader,
  {
    database,
    dataset,
    exceptSchemas = [],
    signal,
    onTable,
  }: {
    readonly database: string;
    readonly dataset: string;
    /** Schemas that are not replicated. */
    readonly exceptSchemas?: readonly string[];
    readonly onTable?: (stream: string) => void;
  } & OperationOptions,
): Promise<readonly Comparison[]> {
  const existing = new Set(
    (
      await readText(reader.query(`SELECT name FROM system.tables WHERE database = '${database}'`, { format: 'TSV' }))
    ).split('\n'),
  );
  const comparisons: Comparison[] = [];
  for (const table of await readTables(client, exceptSchemas)) {
    signal?.throwIfAborted();
    const stream = streamName(table);
    onTable?.(stream);
    const name = `${dataset}___${stream}`;
    const view = `\`${database}\`.\`${name}\``;
    const [source, clickHouse] = await Promise.all([
      postgresContent(client, table),
      existing.has(name) ? clickHouseContentOf(reader, clickHouseContentQuery(view, table), signal) : MISSING,
    ]);
    const isEqual = source.rows === clickHouse.rows && source.checksum === clickHouse.checksum;
    comparisons.push({ stream, table: name, source, clickHouse, isEqual });
  }
  return comparisons;
}

/** Compares what a platform says of itself with what ClickHouse holds of it. */
export async function compareClaims(
  claims: readonly PlatformClaim[],
  reader: ClickHouseReader,
  {
    database,
    signal,
    onTable,
  }: { readonly database: string; readonly onTable?: (stream: string) => void } & OperationOptions,
): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const claim of claims) {
    const { table, columns } = claim;
    signal?.throwIfAborted();
    onTable?.(table);
    const source = claimedContent(columns, claim.rows());
    const view = `\`${database}\`.\`${table}\``;
    const clickHouse = await clickHouseContentOf(reader, clickHouseContentQuery(view, { columns }), signal);
    const isEqual = source.rows === clickHouse.rows && source.checksum === clickHouse.checksum;
    comparisons.push({ stream: table, table, source, clickHouse, isEqual });
  }
  return comparisons;
}

/** A table that is not there: no content has a checksum without digits. */
const MISSING: TableContent = { rows: 0, checksum: '' };

async function clickHouseContentOf(
  reader: ClickHouseReader,
  query: string,
  signal: AbortSignal | undefined,
): Promise<TableContent> {
  const format = 'JSONEachRow';
  return clickHouseContent(await readText(reader.query(query, signal === undefined ? { format } : { format, signal })));
}

async function readText(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString('utf8');
}
