import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { embeddedFixture } from './clickhouse-fixture.ts';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

it('documents every column of the loader’s tables', async () => {
  await using fixture = await embeddedFixture();
  const session = await fixture.destination.open('p');
  await session[Symbol.asyncDispose]();
  const columns = await fixture.query<{ table: string; name: string }>(
    `SELECT table, name FROM system.columns WHERE database = '${fixture.options.database}'
     AND table IN ('_etl_loads', '_etl_slices', '_etl_state', '_etl_memory', '_etl_scopes', '_etl_runs', '_etl_schema_changes', '_etl_rejects')`,
  );
  expect(new Set(columns.map(({ table }) => table)).size).toBe(8);
  for (const { table, name } of columns) {
    const line = readme.split('\n').findLast((text) => text.startsWith(`| \`${table}\``));
    expect(line, `${table}.${name}`).toContain(`\`${name}\``);
  }
});

it('adds the columns that an older version of the package did not know', async () => {
  await using fixture = await embeddedFixture();
  const { database } = fixture.options;
  const open = async (): Promise<void> => {
    await using session = await fixture.destination.open('p');
    await session.writeLedger([
      { stream: 's', slice: 'a', status: 'failed', rows: 0, readAt: '2026-11-01T00:00:00.000Z', attempts: 1 },
    ]);
  };
  await open();
  await fixture.query(`ALTER TABLE ${database}._etl_slices DROP COLUMN flags SETTINGS mutations_sync = 2`);
  await fixture.query(`ALTER TABLE ${database}._etl_slices DROP COLUMN loaded_at SETTINGS mutations_sync = 2`);
  await open();
  await using session = await fixture.destination.open('p');
  expect(await session.readLedger('s')).toHaveLength(1);
  await fixture.query(`DROP TABLE ${database}._etl_slices SYNC`);
});
