import { openClickHouse, type ClickHouseReader } from '@etl/dest-clickhouse';
import type { Client } from 'pg';
import { compareTables } from '../../src/demo/compare-tables.ts';
import { differingRow } from './differing-row.ts';
import { GROUP, type KillScene } from './kill-scene.ts';

/** What of the destination is not as at the source: rows by a digest of all their columns, doubled keys, mutations. */
export async function differences(scene: KillScene): Promise<string[]> {
  const database = scene.destination.database;
  const client = await scene.connect();
  const reader = await openClickHouse(scene.destination);
  try {
    const comparisons = await compareTables(client, reader, { database, dataset: GROUP });
    const problems: string[] = [];
    for (const { stream, table, isEqual, source, clickHouse } of comparisons) {
      const view = `\`${database}\`.\`${table}\``;
      if (!isEqual) {
        const detail =
          clickHouse.checksum === '' ? 'no such table' : await differingRow(client, reader, { name: stream, view });
        problems.push(`${stream}: ${source.rows} rows at the source, ${clickHouse.rows} at the destination; ${detail}`);
      }
      const key = await keyColumns(client, stream);
      const doubled = await readValue(
        reader,
        `SELECT count() FROM (SELECT ${key} FROM ${view} GROUP BY ${key} HAVING count() > 1)`,
      );
      if (doubled !== '0') problems.push(`${stream}: ${doubled} keys twice`);
    }
    const mutations = await readValue(reader, 'SELECT count() FROM system.mutations');
    if (mutations !== '0') problems.push(`${mutations} mutations`);
    return problems;
  } finally {
    await client.end();
    await reader[Symbol.asyncDispose]();
  }
}

async function keyColumns(client: Client, table: string): Promise<string> {
  const { rows } = await client.query<{ columns: string }>(
    `SELECT string_agg('\`' || a.attname || '\`', ', ' ORDER BY a.attnum) AS columns
     FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
     WHERE (i.indisprimary OR i.indisreplident) AND i.indrelid = format('public.%I', $1::text)::regclass`,
    [table],
  );
  return rows[0]?.columns ?? '';
}

async function readValue(reader: ClickHouseReader, query: string): Promise<string> {
  let text = '';
  for await (const chunk of reader.query(query, { format: 'TSV' })) text += Buffer.from(chunk).toString('utf8');
  return text.trim();
}
