import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ColumnSpec, Destination, StreamSpec } from '@etl/core';
import { startChdbServer, textBatchOf } from '@etl/testing';
import { expect, it } from 'vitest';
import { clickhouse, openClickHouse, type ClickHouseOptions } from '../src/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'etl-grants-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const ALL = ['GRANT ALL ON *.* WITH GRANT OPTION'];

/** The statements of the README, block by block. */
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const blocks = [
  ...readme.slice(readme.indexOf('## Grants'), readme.indexOf('## Errors')).matchAll(/```sql\n(.*?)```/gs),
].map(([, sql = '']) =>
  sql
    .split(';')
    .map((statement) => statement.trim())
    .filter(Boolean),
);
const [LOADER = [], , READER = [], NARROW_READER = []] = blocks;

/** The privileges of the first statement, one by one. */
const LOADER_PRIVILEGES = (/^GRANT (.*?) ON/s.exec(LOADER[0] ?? '')?.[1] ?? '').split(',').map((name) => name.trim());

/** Does something as a user with these rights, in the one engine of this process. */
async function as<T>(
  grants: readonly string[],
  work: (options: ClickHouseOptions, queries: readonly string[]) => Promise<T>,
): Promise<T> {
  const queries = grants.map((grant) => `<query>${grant.replace(/ TO \w+$/, '')}</query>`).join('');
  const users =
    '<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><no_password/>' +
    `<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota><grants>${queries}</grants>` +
    '</default></users></clickhouse>';
  writeFileSync(join(directory, 'users.xml'), users);
  const configFile = join(directory, 'config.xml');
  writeFileSync(configFile, `<clickhouse><users_config>${join(directory, 'users.xml')}</users_config></clickhouse>`);
  const login = { username: 'user', password: 'word' };
  await using server = await startChdbServer({ path: join(directory, 'engine'), ...login, configFile });
  const options = { url: server.url, ...login, database: 'travel', dataset: 'shop', heartbeatMs: 100, retryWaitMs: 1 };
  return await work(options, server.queries);
}

async function query(options: ClickHouseOptions, sql: string): Promise<string> {
  await using reader = await openClickHouse(options);
  let text = '';
  for await (const chunk of reader.query(sql, { format: 'TSV' })) text += Buffer.from(chunk).toString('utf8');
  return text.trim();
}

const LINES: ColumnSpec = {
  name: 'lines',
  type: 'nested',
  nullable: false,
  fields: [{ name: 'sku', type: 'string', nullable: false }],
};

function streams(...more: readonly ColumnSpec[]): readonly StreamSpec[] {
  const id: ColumnSpec = { name: 'id', type: 'int64', nullable: false };
  return [
    { name: 'orders', columns: [id, LINES, ...more], primaryKey: ['id'], writeDisposition: 'merge' },
    { name: 'plans', columns: [id, ...more], primaryKey: ['id'], writeDisposition: 'replace' },
  ];
}

async function load(destination: Destination, specs: readonly StreamSpec[]): Promise<void> {
  await using session = await destination.open('p');
  await using open = await session.beginLoad();
  for (const spec of specs) await open.prepare(spec);
  await open.write('orders', [{ id: 1, lines: [{ sku: 'a' }, { sku: 'b' }] }]);
  await open.write('plans', [{ id: 1 }]);
  await open.commit([{ stream: 'orders', partition: '', value: 1 }]);
  session.lost.throwIfAborted();
  await session.optimize?.();
}

/** Everything that a loader does: tables, views, a column more, generations, merges, signs of life. */
async function loadTwice(options: ClickHouseOptions): Promise<void> {
  await using destination = clickhouse(options);
  await load(destination, streams());
  await load(destination, streams({ name: 'note', type: 'string', nullable: true }));
}

async function anew(): Promise<void> {
  await as(ALL, async (options) => {
    await query(options, 'DROP DATABASE IF EXISTS travel SYNC');
    await query(options, 'CREATE DATABASE travel');
  });
}

it(
  'loads with the grants of the README, and shows its tables to a reader with theirs',
  { timeout: 60_000 },
  async () => {
    await anew();
    await as(LOADER, loadTwice);
    for (const grants of [READER, NARROW_READER]) {
      await as(grants, async (options) => {
        const joined =
          'SELECT count() FROM travel.shop___orders AS o JOIN travel.shop___orders__lines AS l ON l.id = o.id';
        expect(await query(options, joined)).toBe('2');
        expect(await query(options, 'SELECT count() FROM travel.shop___plans')).toBe('1');
        await expect(query(options, 'INSERT INTO travel._etl_state (pipeline) VALUES (1)')).rejects.toMatchObject({
          code: 'CLICKHOUSE_NOT_PERMITTED',
        });
      });
    }
  },
);

it.each(LOADER_PRIVILEGES)('cannot load without %s', { timeout: 60_000 }, async (privilege) => {
  await anew();
  const [first = '', ...rest] = LOADER;
  const left = LOADER_PRIVILEGES.filter((name) => name !== privilege).join(', ');
  const without = [first.replace(/^GRANT .*? ON/s, `GRANT ${left} ON`), ...rest];
  // Attaching comes after the commit point.
  const code = privilege === 'ALTER DELETE' ? 'LOAD_UNFINISHED' : 'CLICKHOUSE_NOT_PERMITTED';
  await expect(as(without, loadTwice)).rejects.toMatchObject({ code, kind: 'permission' });
});

it('creates the database only when it may', { timeout: 60_000 }, async () => {
  await as(ALL, (options) => query(options, 'DROP DATABASE IF EXISTS travel SYNC'));
  await expect(as(LOADER, loadTwice)).rejects.toMatchObject({ code: 'CLICKHOUSE_NOT_PERMITTED' });
  await as([...LOADER, 'GRANT CREATE DATABASE ON travel.*'], loadTwice);
});

it('sends text as it is with these grants', { timeout: 60_000 }, async () => {
  await anew();
  const stream: StreamSpec = {
    name: 'log',
    columns: [{ name: 'id', type: 'int64', nullable: false }],
    primaryKey: ['id'],
    writeDisposition: 'merge',
    versionColumn: 'version',
    deletedColumn: 'gone',
  };
  await as(LOADER, async (options, queries) => {
    await using destination = clickhouse(options);
    await using session = await destination.open('p');
    await using open = await session.beginLoad();
    await open.prepare(stream);
    await open.writeText?.('log', { ...textBatchOf(stream, [{ id: 7, version: 1n, gone: false }]), isPlain: true });
    await open.commit([]);
    const inserts = queries.filter((sql) => sql.startsWith('INSERT') && sql.includes('_staging_'));
    expect(inserts.map((sql) => /FORMAT (\w+)/.exec(sql)?.[1])).toEqual(['TabSeparated']);
    expect(await query(options, 'SELECT id FROM travel.shop___log')).toBe('7');
  });
});
