import type { ClickHouseReader } from '@etl/dest-clickhouse';
import type { Client } from 'pg';
import { clickHouseRowText, postgresRowText } from '../../src/demo/canonical-value.ts';
import { readTables } from '../../src/demo/content-checksum.ts';

/** The first row that only one side has, as the text that its digest is made of: for those who look why. */
export async function differingRow(
  client: Client,
  reader: ClickHouseReader,
  { name, view }: { readonly name: string; readonly view: string },
): Promise<string> {
  const table = (await readTables(client)).find((candidate) => candidate.name === name);
  if (table === undefined) return 'no such table at the source';
  const source = await client.query<{ text: string }>(
    `SELECT ${postgresRowText(table.columns)} AS text FROM "${table.schema}"."${name}"`,
  );
  let lines = '';
  const query = `SELECT ${clickHouseRowText(table.columns)} AS text FROM ${view}`;
  for await (const chunk of reader.query(query, { format: 'JSONEachRow' })) {
    lines += Buffer.from(chunk).toString('utf8');
  }
  const here = lines
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { text: string }).text);
  const there = source.rows.map(({ text }) => text);
  const columns = table.columns.map((column) => `${column.name} ${column.type}`).join(', ');
  return `columns ${columns}\n  missing: ${only(there, here)}\n  surplus: ${only(here, there)}`;
}

function only(texts: readonly string[], others: readonly string[]): string {
  const known = new Set(others);
  const found = texts.filter((text) => !known.has(text));
  return found.length === 0 ? 'none' : `${found.length}, such as ${found.toSorted()[0]?.slice(0, 300)}`;
}
