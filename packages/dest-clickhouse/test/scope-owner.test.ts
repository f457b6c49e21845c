import type { Scope, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture, httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

const REPORT: StreamSpec = {
  name: 'report',
  columns: [
    { name: 'account', type: 'string', nullable: false },
    { name: 'day', type: 'date', nullable: false },
  ],
  primaryKey: ['account', 'day'],
  writeDisposition: 'replace',
  scope: { keys: ['account'], day: 'day' },
};
const EVENTS: StreamSpec = {
  name: 'event',
  columns: [{ name: 'id', type: 'string', nullable: false }],
  primaryKey: ['id'],
  writeDisposition: 'merge',
};
const OWNED = { code: 'SCOPE_OWNED', kind: 'config' };

async function replace(
  fixture: ClickHouseFixture,
  pipeline: string,
  account: string,
  day = '2026-11-01',
): Promise<void> {
  const scope: Scope = { equals: { account }, days: { start: day, end: '2026-12-01' } };
  await using session = await fixture.destination.open(pipeline);
  await using load = await session.beginLoad();
  await load.prepare(REPORT);
  await load.write('report', [{ account, day }]);
  await load.publish(
    'report',
    { key: account, scope },
    { stream: 'report', slice: account, status: 'good', rows: 1, readAt: new Date(0).toISOString(), attempts: 1 },
  );
  await load.commit([]);
}

async function truncate(fixture: ClickHouseFixture, pipeline: string): Promise<void> {
  await using session = await fixture.destination.open(pipeline);
  await using load = await session.beginLoad();
  await load.prepare(REPORT);
  await load.truncate('report');
  await load.commit([]);
}

it('refuses to replace rows that belong to another pipeline', async () => {
  await using fixture = await embeddedFixture();
  await replace(fixture, 'facebook_d1', '42');
  await replace(fixture, 'facebook_d1', '42', '2026-11-02');
  await replace(fixture, 'facebook_d2', '43');
  await expect(replace(fixture, 'facebook_d2', '42')).rejects.toMatchObject(OWNED);
  await expect(truncate(fixture, 'facebook_d2')).rejects.toMatchObject(OWNED);
  expect(await fixture.readRows('report')).toHaveLength(3);
});

it('refuses every other pipeline where one owns the whole table', async () => {
  await using fixture = await embeddedFixture();
  await truncate(fixture, 'pg_shop');
  await expect(replace(fixture, 'pg_other', '42')).rejects.toMatchObject({
    ...OWNED,
    message:
      'The pipeline pg_other would replace rows of shop___report, where all rows belong to the pipeline pg_shop.',
  });
});

it('admits a new owner once the old one is released', async () => {
  await using fixture = await embeddedFixture();
  await replace(fixture, 'facebook_old', '42');
  const { database } = fixture.options;
  await fixture.query(
    `INSERT INTO ${database}._etl_scopes SELECT * REPLACE (1 AS released, version + 1 AS version) FROM ${database}._etl_scopes FINAL WHERE pipeline = 'facebook_old'`,
  );
  await replace(fixture, 'facebook_new', '42');
  await expect(replace(fixture, 'facebook_old', '42')).rejects.toMatchObject(OWNED);
});

it('never admits two that claim at the same moment', async () => {
  await using fixture = await httpFixture();
  await fixture.destination.check();
  for (let round = 0; round < 5; round += 1) {
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].map((pipeline) => replace(fixture, pipeline, `account ${round}`)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
  }
});

it('registers once who adds rows to a table, and refuses who would replace it', async () => {
  await using fixture = await httpFixture();
  const add = async (id: string): Promise<void> => {
    await using session = await fixture.create().open('pg_shop');
    await using load = await session.beginLoad();
    await load.prepare(EVENTS);
    await load.write('event', [{ id }]);
    await load.commit([]);
  };
  await add('1');
  await add('2');
  expect(fixture.queries.filter((query) => /^INSERT INTO .*_etl_scopes/.test(query))).toHaveLength(1);
  await using session = await fixture.create().open('pg_other');
  await using load = await session.beginLoad();
  await load.prepare(EVENTS);
  await expect(load.truncate('event')).rejects.toMatchObject(OWNED);
});
