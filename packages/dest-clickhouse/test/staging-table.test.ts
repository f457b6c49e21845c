import { expect, it } from 'vitest';
import { resolveOptions } from '../src/clickhouse-destination.ts';
import { Database } from '../src/database.ts';
import { openConnection } from '../src/open-connection.ts';
import { attachStaged } from '../src/staging-table.ts';
import { embeddedFixture } from './clickhouse-fixture.ts';

it('has the rows of another one once, although a statement that gave them was sent twice', async () => {
  await using fixture = await embeddedFixture();
  const connection = await openConnection(resolveOptions(fixture.options));
  const database = new Database(connection, fixture.options.database);
  await connection.command(`CREATE DATABASE ${database.name}`);
  for (const [name, engine] of [
    ['unique', 'ReplacingMergeTree'],
    ['mixed', 'MergeTree'],
  ] as const) {
    await connection.command(
      `CREATE TABLE ${database.table(name)} (day Date, id Int64) ENGINE = ${engine} PARTITION BY toYYYYMM(day) ORDER BY (day, id)`,
    );
  }
  await connection.command(
    `INSERT INTO ${database.table('unique')} SELECT toDate('2026-01-01') + number, number FROM numbers(60)`,
  );
  for (let sent = 0; sent < 2; sent += 1) await attachStaged(database, { from: 'unique', to: 'mixed' });
  const rows = await database.rows(
    `SELECT toUInt32(count()) AS count, toUInt32(uniqExact(id)) AS ids FROM ${database.table('mixed')}`,
  );
  await connection.close();
  expect(rows).toEqual([{ count: 60, ids: 60 }]);
});
