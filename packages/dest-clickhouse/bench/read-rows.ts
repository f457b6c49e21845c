import type { ClickHouseReader } from '../src/index.ts';

/** The rows of a small result; 64-bit integers and decimals as text. */
export async function readRows<TRow = Record<string, unknown>>(
  reader: ClickHouseReader,
  sql: string,
): Promise<readonly TRow[]> {
  let text = '';
  for await (const chunk of reader.query(sql, { format: 'JSONEachRow' })) text += Buffer.from(chunk).toString('utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as TRow);
}
