import { describeDestination, type DestinationFixture } from '@etl/testing';
import { clickHouseOptionsSchema, openClickHouse, type ClickHouseReader } from '../src/index.ts';
import { embeddedFixture, httpFixture, serverFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

// As JSON has them, long numbers would lose digits in the reader.
const EXACT =
  'SETTINGS output_format_json_quote_64bit_integers = 1, output_format_json_quote_decimals = 1, output_format_json_quote_denormals = 1';

describeDestination('embedded ClickHouse', async () => exactly(await embeddedFixture()));
describeDestination('ClickHouse over HTTP', async () => exactly(await httpFixture()));

const url = process.env['CLICKHOUSE_URL'];
const engine = process.env['CLICKHOUSE_ENGINE'];
if (url !== undefined && url !== '') {
  describeDestination(`ClickHouse server (${engine ?? 'auto'})`, async () =>
    exactly(await serverFixture(url, clickHouseOptionsSchema.shape.engine.parse(engine))),
  );
}

/** Reads with every digit, through one reader that was there before any load: opening one completes loads. */
async function exactly(fixture: ClickHouseFixture): Promise<DestinationFixture> {
  const { options } = fixture;
  const reader = await openClickHouse(options);
  return {
    destination: fixture.destination,
    restart: () => fixture.restart(),
    async readRows(stream) {
      const name = `${options.dataset ?? ''}___${stream}`;
      const views = `SELECT name FROM system.tables WHERE database = '${options.database}' AND name = '${name}'`;
      if ((await rowsOf(reader, views)).length === 0) return [];
      return rowsOf(reader, `SELECT * EXCEPT (_etl_load_id) FROM \`${options.database}\`.\`${name}\` ${EXACT}`);
    },
    async [Symbol.asyncDispose]() {
      await reader[Symbol.asyncDispose]();
      await fixture[Symbol.asyncDispose]();
    },
  };
}

async function rowsOf(reader: ClickHouseReader, sql: string): Promise<readonly Record<string, unknown>[]> {
  const parts: Uint8Array[] = [];
  for await (const part of reader.query(sql, { format: 'JSONEachRow' })) parts.push(part);
  const lines = Buffer.concat(parts).toString('utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
