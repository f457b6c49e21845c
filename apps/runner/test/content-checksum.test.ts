import { join } from 'node:path';
import { openClickHouse, type ClickHouseReader } from '@etl/dest-clickhouse';
import { startPostgres, type PostgresServer } from '@etl/testing/postgres';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  clickHouseContent,
  clickHouseContentQuery,
  postgresContent,
  readTables,
  type SourceTable,
} from '../src/demo/content-checksum.ts';
import { runEtl, temporaryDirectory } from './etl-process.ts';

const EVERYTHING = /* sql */ `
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TABLE everything (
  id bigint PRIMARY KEY, small smallint, plain integer, yes boolean, money numeric(18, 4), free numeric,
  single real, twice double precision, words text, short varchar(20), code char(3), feeling mood, who uuid,
  born date, at timestamptz, around timestamp, opens time, raw bytea, doc jsonb, paper json,
  names text[] NOT NULL, numbers bigint[] NOT NULL, prices numeric(8, 2)[] NOT NULL, rates float8[] NOT NULL,
  days date[] NOT NULL, moments timestamptz[] NOT NULL
);
INSERT INTO everything VALUES
  (1, -7, 42, true, 12.5000, 1e30, 0.1, 1.0 / 3, 'añ"b\\c' || E'\\n\\t' || '😀', 'é', 'EUR', 'sad',
   '0f0e0d0c-0b0a-0908-0706-050403020100', '2026-11-01', '2026-11-01 10:11:12.123456+02', '1999-12-31 23:59:59.999999',
   '23:59:59.5', '\\x00ff10', '{"b": [1, 9007199254740993], "a": null}', '{"z":1,  "z":2}',
   ARRAY['a', NULL, '', 'x,"y"\\'], ARRAY[1, -9223372036854775808], ARRAY[1.50, NULL], ARRAY[-0.0, 'Infinity'],
   ARRAY['2026-01-01'::date], ARRAY['2026-01-01T00:00:00.000001Z'::timestamptz]),
  (2, 1, 1, false, 0, 0.10, 1, 1, 'x', 'x', 'USD', 'happy', '00000000-0000-0000-0000-000000000001', '1970-01-01',
   '1970-01-01T00:00:00Z', '1970-01-01', '00:00', 'x', '{}', '[]', '{}', '{}', '{}', '{}', '{}', '{}');
INSERT INTO everything (id, names, numbers, prices, rates, days, moments) VALUES (3, '{}', '{}', '{}', '{}', '{}', '{}');
`;

/** Another value of the row with id 2, for every type a column can have in ClickHouse. */
function otherValue(column: string, type: string): string {
  const value = `\`${column}\``;
  if (type.startsWith('Array')) return `arrayConcat(${value}, arraySlice([${value}[1]], 1, 1))`;
  if (type.includes('String')) return `concat(${value}, ' ')`;
  if (type.includes('Bool')) return `NOT ${value}`;
  if (type.includes('UUID')) return `toUUID('00000000-0000-0000-0000-000000000002')`;
  if (type.includes('DateTime64')) return `addMicroseconds(${value}, 1)`;
  if (type.includes('Decimal')) return `CAST(toString(0.0001 + 0.01) AS ${type})`;
  if (type.includes('Float32')) return `toFloat32(1.0000001)`;
  if (type.includes('Float64')) return `1.0000000000000002`;
  return `${value} + 1`;
}

describe('the checksum of the two sides', () => {
  let postgres: PostgresServer;
  let client: Client;
  let reader: ClickHouseReader;
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
  let table: SourceTable;

  beforeAll(async () => {
    [postgres, directory] = await Promise.all([startPostgres(), temporaryDirectory()]);
    client = new Client({ connectionString: postgres.connectionString() });
    await client.connect();
    await client.query(EVERYTHING);
    const groups = { shop: { connection_string: postgres.connectionString() } };
    const env = { ETL_GROUPS_PG: JSON.stringify(groups), ETL_DATA_DIR: directory.path };
    const { exitCode, output } = await runEtl(['run', 'pg', 'shop'], { cwd: directory.path, env });
    if (exitCode !== 0) throw new Error(output);
    reader = await openClickHouse({ path: join(directory.path, 'clickhouse'), database: 'travel' });
    [table] = (await readTables(client)) as [SourceTable];
  });
  afterAll(async () => {
    await reader[Symbol.asyncDispose]();
    await client.end();
    await postgres[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  async function read(query: string, format: string): Promise<string> {
    const parts: Uint8Array[] = [];
    for await (const chunk of reader.query(query, { format })) parts.push(chunk);
    return Buffer.concat(parts).toString('utf8');
  }

  const contentOf = async (from: string) =>
    clickHouseContent(await read(clickHouseContentQuery(from, table), 'JSONEachRow'));
  const VIEW = 'travel.shop___everything';

  test('is equal for equal rows of every type', async () => {
    const content = await postgresContent(client, table);
    expect(content.rows).toBe(3);
    expect(await contentOf(VIEW)).toEqual(content);
  });

  test('differs when one value of any column differs, or is NULL, or no longer is', async () => {
    const { checksum } = await postgresContent(client, table);
    const described = await read(`DESCRIBE TABLE ${VIEW}`, 'TSVRaw');
    const types = new Map(described.split('\n').map((line) => line.split('\t').slice(0, 2) as [string, string]));
    for (const { name } of table.columns) {
      const type = types.get(name) ?? '';
      const changes = [`if(id = 2, ${otherValue(name, type)}, \`${name}\`)`];
      if (type.includes('Nullable') && !type.startsWith('Array')) {
        changes.push(`if(id = 2, NULL, \`${name}\`)`, `if(id = 3, any(\`${name}\`) OVER (), \`${name}\`)`);
      }
      for (const change of changes) {
        const from = `(SELECT * REPLACE (CAST(${change} AS ${type}) AS \`${name}\`) FROM ${VIEW})`;
        const content = await contentOf(from);
        expect(content.rows).toBe(3);
        expect(content.checksum, `${name} ${type}: ${change}`).not.toBe(checksum);
      }
    }
  });

  test('differs when a row is missing, doubled, or two rows swap a value', async () => {
    const { checksum } = await postgresContent(client, table);
    for (const from of [
      `(SELECT * FROM ${VIEW} WHERE id <> 2)`,
      `(SELECT * FROM ${VIEW} UNION ALL SELECT * FROM ${VIEW} WHERE id = 2)`,
      `(SELECT * REPLACE (multiIf(id = 1, 1, id = 2, 42, NULL) AS plain) FROM ${VIEW})`,
    ]) {
      expect((await contentOf(from)).checksum).not.toBe(checksum);
    }
  });
});
