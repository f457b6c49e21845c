import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { clickHouseError } from '../src/clickhouse-error.ts';
import { clickhouse } from '../src/index.ts';
import { embeddedFixture, httpFixture } from './clickhouse-fixture.ts';
import { buryHolders, contents, EXPECTED, runToEnd } from './history.ts';

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);

it.each(['lose-answer', 'refuse', 'unavailable'] as const)(
  `stores rows once on a network that has faults: %s (seed ${seed})`,
  async (fault) => {
    let isBad = true;
    let random = seed;
    await using fixture = await httpFixture({ chunkRows: 1 }, () => {
      random = (random * 1_103_515_245 + 12_345) % 2_147_483_648;
      return isBad && random % 100 < 20 ? fault : undefined;
    });
    for (;;) {
      const outcome: unknown = await runToEnd(fixture.create()).catch((error: unknown) => error);
      if (outcome === undefined) break;
      // Four faults in a row end a run, before or behind its commit point; the next one goes on.
      expect(outcome).toMatchObject({
        code: expect.stringMatching(/^(CLICKHOUSE_UNREACHABLE|LOAD_UNFINISHED)$/) as string,
        kind: 'transient',
      });
      isBad = false;
      await buryHolders(fixture);
      isBad = true;
    }
    isBad = false;
    expect(await contents(fixture)).toEqual(EXPECTED);
  },
);

it('says that a wrong password is wrong, without showing it', async () => {
  await using fixture = await httpFixture();
  await using destination = fixture.create({ password: 'hunter2' });
  const error: unknown = await destination.check().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'CLICKHOUSE_AUTH_FAILED', kind: 'auth' });
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2');
  expect((error as Error).message).not.toContain('hunter2');
});

it('says that a server is not there', async () => {
  await using destination = clickhouse({ url: 'http://127.0.0.1:9', database: 'travel', retryWaitMs: 1 });
  await expect(destination.check()).rejects.toMatchObject({ code: 'CLICKHOUSE_UNREACHABLE', kind: 'transient' });
});

it('says that an address has the wrong scheme', async () => {
  const plain = createServer((_, response) => response.end());
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  const { port } = plain.address() as AddressInfo;
  await using destination = clickhouse({ url: `https://127.0.0.1:${port}`, database: 'travel', retryWaitMs: 1 });
  await expect(destination.check()).rejects.toMatchObject({ code: 'CLICKHOUSE_URL_INVALID', kind: 'config' });
  await new Promise((resolve) => plain.close(resolve));
});

it('says that a host has no address, unless it had one before', () => {
  const failed = Object.assign(new Error('getaddrinfo ENOTFOUND clickhouse'), { code: 'ENOTFOUND' });
  expect(clickHouseError(failed, 'clickhouse:8123')).toMatchObject({ code: 'CLICKHOUSE_HOST_UNKNOWN', kind: 'config' });
  expect(clickHouseError(failed, 'clickhouse:8123', { wasReached: true })).toMatchObject({
    code: 'CLICKHOUSE_UNREACHABLE',
    kind: 'transient',
  });
});

it('takes user and password from the address', async () => {
  await using fixture = await httpFixture();
  const url = new URL(fixture.options.url ?? '');
  url.username = fixture.options.username ?? '';
  url.password = fixture.options.password ?? '';
  await using destination = clickhouse({ url: url.href, database: fixture.options.database });
  await destination.check();
});

it.each([
  ['nothing to connect to', { database: 'travel' }],
  ['two things to connect to', { database: 'travel', url: 'http://127.0.0.1:8123', path: '.etl' }],
  ['an option that does not exist', { database: 'travel', path: '.etl', pasword: 'x' }],
])('refuses options with %s', (_, options) => {
  expect(() => clickhouse(options)).toThrow(
    expect.objectContaining({ code: 'CLICKHOUSE_OPTIONS_INVALID', kind: 'config' }),
  );
});

it('leaves an object alone that stands where a table has to be', async () => {
  await using fixture = await embeddedFixture();
  await fixture.destination.check();
  const { database } = fixture.options;
  await fixture.query(`CREATE TABLE ${database}.shop___upserted (id Int64) ENGINE = MergeTree ORDER BY id`);
  await expect(runToEnd(fixture.destination)).rejects.toMatchObject({ code: 'CLICKHOUSE_NAME_TAKEN', kind: 'schema' });
  expect(
    await fixture.query(
      `SELECT name FROM system.tables WHERE database = '${database}' AND name = 'shop___upserted' AND engine = 'MergeTree'`,
    ),
  ).toHaveLength(1);
});

it('repairs a view that somebody changed', async () => {
  await using fixture = await embeddedFixture();
  await runToEnd(fixture.destination, 1);
  const { database } = fixture.options;
  await fixture.query(
    `CREATE OR REPLACE VIEW ${database}.shop___upserted AS SELECT 1 AS id COMMENT 'etl view 0 of upserted'`,
  );
  await runToEnd(fixture.destination);
  expect(await contents(fixture)).toEqual(EXPECTED);
});

it('makes a table of a stream that has no rows yet', async () => {
  await using fixture = await embeddedFixture();
  const spec: StreamSpec = {
    name: 'empty',
    columns: [{ name: 'Order-ID', type: 'int64', nullable: false }],
    primaryKey: ['Order-ID'],
    writeDisposition: 'merge',
  };
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  await load.prepare(spec);
  await load.commit([]);
  expect(await fixture.query(`DESCRIBE TABLE ${fixture.options.database}.shop___empty`)).toMatchObject([
    { name: 'order_id', type: 'Int64' },
    { name: '_etl_load_id' },
  ]);
});

it.each([
  ['columns', 'CLICKHOUSE_COLUMNS_COLLIDE', ['userId', 'user_id'], 'first', 'second'],
  ['tables', 'CLICKHOUSE_TABLES_COLLIDE', ['id'], 'userEvents', 'user_events'],
] as const)('refuses %s that would get one name', async (_, code, names, one, other) => {
  await using fixture = await embeddedFixture();
  await using session = await fixture.destination.open('p');
  await using load = await session.beginLoad();
  const specOf = (name: string): StreamSpec => ({
    name,
    columns: names.map((column) => ({ name: column, type: 'int64', nullable: false })),
    primaryKey: ['id'],
    writeDisposition: 'append',
  });
  const preparing = load.prepare(specOf(one)).then(() => load.prepare(specOf(other)));
  await expect(preparing).rejects.toMatchObject({ code, kind: 'schema' });
});

it('refuses rows whose key changed its type, until the table is replaced', async () => {
  await using fixture = await embeddedFixture();
  const specOf = (type: 'int64' | 'string'): StreamSpec => ({
    name: 'changing',
    columns: [{ name: 'id', type, nullable: false }],
    primaryKey: ['id'],
    writeDisposition: 'merge',
  });
  await using session = await fixture.destination.open('p');
  {
    await using load = await session.beginLoad();
    await load.prepare(specOf('int64'));
    await load.write('changing', [{ id: 1 }]);
    await load.commit([]);
  }
  await using load = await session.beginLoad();
  await load.prepare(specOf('string'));
  await expect(load.write('changing', [{ id: 'a' }])).rejects.toMatchObject({ code: 'CLICKHOUSE_TYPE_CONFLICT' });
  await load.truncate('changing');
  await load.write('changing', [{ id: 'a' }]);
  await load.commit([]);
  expect(await fixture.readRows('changing')).toEqual([{ id: 'a' }]);
});

it('sends everything compressed when asked', async () => {
  await using fixture = await httpFixture({ compression: 'zstd' });
  await runToEnd(fixture.create());
  expect(await contents(fixture)).toEqual(EXPECTED);
});

it('gives a server up that takes statements and never answers', async () => {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using destination = clickhouse({ url, database: 'travel', requestTimeoutMs: 1000, retryWaitMs: 1 });
  await expect(destination.check()).rejects.toMatchObject({ code: 'CLICKHOUSE_UNREACHABLE', kind: 'transient' });
  server.closeAllConnections();
  server.close();
});
