import type { Destination, Slice, StreamSpec } from '@etl/core';
import { expect, it, onTestFinished } from 'vitest';
import { clickhouse, type ClickHouseOptions } from '../src/index.ts';
import { httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';
import { startStatementFront, type SentStatement } from './statement-front.ts';

const DATABASE_ENGINES = { single: 'Atomic', replicated: 'Replicated', cloud: 'Shared' } as const;
type Flavour = keyof typeof DATABASE_ENGINES;

/** What only a cluster or Cloud knows, taken out of a statement. */
function plainStatement(query: string, flavour: Flavour, database: string): string {
  if (flavour === 'single') return query;
  if (query.startsWith('SYSTEM SYNC')) return 'SELECT 1';
  if (query.startsWith('SELECT engine FROM system.databases')) {
    return query.replace('SELECT engine', `SELECT '${DATABASE_ENGINES[flavour]}' AS engine`);
  }
  if (query.includes('FROM system.clusters WHERE cluster =')) return query.replace('count()', 'count() + 2');
  return query
    .replace(/ENGINE = Replicated(?=\w*MergeTree)/, 'ENGINE = ')
    .replaceAll(/replicated_deduplication_window = /g, 'non_replicated_deduplication_window = ')
    .replace(/, replicated_deduplication_window_seconds = \d+/, '')
    .replace(`CREATE DATABASE IF NOT EXISTS \`${database}\` ON CLUSTER '{cluster}'`, `CREATE DATABASE \`${database}\``);
}

const INSIGHTS: StreamSpec = {
  name: 'insights',
  columns: [
    { name: 'account_id', type: 'string', nullable: false },
    { name: 'day', type: 'date', nullable: false },
    { name: 'spend', type: 'decimal', precision: 18, scale: 6, nullable: true },
    {
      name: 'actions',
      type: 'nested',
      nullable: false,
      fields: [{ name: 'kind', type: 'string', nullable: false }],
    },
  ],
  primaryKey: ['account_id', 'day'],
  writeDisposition: 'replace',
  scope: { keys: ['account_id'], day: 'day' },
};
const EVENTS: StreamSpec = {
  name: 'events',
  columns: [{ name: 'what', type: 'string', nullable: true }],
  primaryKey: [],
  writeDisposition: 'append',
};
const PLANS: StreamSpec = {
  name: 'plans',
  columns: [{ name: 'id', type: 'int64', nullable: false }],
  primaryKey: ['id'],
  writeDisposition: 'replace',
};
const SLICE: Slice = {
  key: '1/2026-11-01',
  scope: { equals: { account_id: '1' }, days: { start: '2026-11-01', end: '2026-11-02' } },
};

async function load(destination: Destination): Promise<void> {
  await using session = await destination.open('p');
  await session.readState();
  await using open = await session.beginLoad();
  for (const stream of [INSIGHTS, EVENTS, PLANS]) await open.prepare(stream);
  const actions = [{ kind: 'click' }];
  await open.write('insights', [{ account_id: '1', day: '2026-11-01', spend: '1.5', actions }]);
  await open.write('events', [{ what: 'started' }]);
  await open.write('plans', [{ id: 1 }]);
  const entry = { status: 'good', rows: 1, readAt: '2026-11-02T00:00:00.000Z', attempts: 1 } as const;
  await open.publish('insights', SLICE, { ...entry, stream: 'insights', slice: SLICE.key });
  await open.commit([{ stream: 'events', partition: '', value: { at: 1 } }]);
}

async function loadAs(
  flavour: Flavour,
  sessionsLost = 0,
): Promise<{ readonly fixture: ClickHouseFixture; readonly sent: readonly SentStatement[] }> {
  const fixture = await httpFixture();
  onTestFinished(() => fixture[Symbol.asyncDispose]());
  const { database, url = '' } = fixture.options;
  await fixture.query(`CREATE DATABASE ${database}`);
  await using front = await startStatementFront(url, {
    rewrite: (query) => plainStatement(query, flavour, database),
    sessionsLost,
  });
  // A sign of life belongs to no step of a load: it comes when the machine is slow.
  const alone = { heartbeatMs: 600_000, staleAfterMs: 600_000 };
  await using destination = clickhouse({ ...fixture.options, ...alone, url: front.url, compression: 'none' });
  await load(destination);
  return { fixture, sent: front.sent };
}

/** What was sent, without what differs from run to run and without looks at the server's own tables. */
function transcript(sent: readonly SentStatement[], database: string): string {
  const hashes = new Map<string, string>();
  const always = sent.find(({ query }) => query.startsWith('CREATE TABLE'))?.settings ?? '';
  const statements = sent
    .filter(({ query }) => !query.startsWith('SYSTEM SYNC DATABASE') && !/^SELECT .* FROM system\./.test(query))
    .map(({ query, settings }) => {
      const own = settings.split(' ').filter((setting) => !always.split(' ').includes(setting));
      const text = query.replace(/ SETTINGS output_format_[^\n]*\nFORMAT JSONEachRow$/, '').replaceAll(/\s+/g, ' ');
      return `${own.map((setting) => `-- ${setting}\n`).join('')}${text.trim()};\n`;
    });
  return [`-- always: ${always}\n`, ...statements]
    .join('\n')
    .replaceAll(database, 'travel')
    .replaceAll(/\d{8}-\d{4}-(\d+)/g, '<minute>-$1')
    .replaceAll(/COMMENT '\{[^']*\}'/g, "COMMENT '<holder>'")
    .replaceAll(/etl view [0-9a-f]{32}/g, (found) => {
      hashes.set(found, hashes.get(found) ?? `etl view <hash ${hashes.size + 1}>`);
      return hashes.get(found) ?? found;
    });
}

it.each(['single', 'replicated', 'cloud'] as const)('tells a %s server this to load', async (flavour) => {
  const { fixture, sent } = await loadAs(flavour);
  expect(await fixture.readRows('insights')).toMatchObject([{ account_id: '1', spend: 1.5 }]);
  expect(await fixture.readRows('events')).toHaveLength(1);
  expect(await fixture.readRows('plans')).toHaveLength(1);
  await expect(transcript(sent, fixture.options.database)).toMatchFileSnapshot(`flavours/${flavour}.sql`);
});

it('sends what has to reach one replica again until a load balancer lets it', { timeout: 120_000 }, async () => {
  const { fixture, sent } = await loadAs('replicated', 25);
  expect(await fixture.readRows('insights')).toHaveLength(1);
  expect(sent.filter(({ query }) => query.includes('ATTACH PARTITION'))).toHaveLength(3);
});

it('refuses a database that is not what the options say', async () => {
  await using fixture = await httpFixture();
  await fixture.query(`CREATE DATABASE ${fixture.options.database}`);
  const declared: ClickHouseOptions['engine'][] = ['replicated', 'cloud'];
  for (const engine of declared) {
    await using destination = fixture.create({ engine });
    await expect(destination.check()).rejects.toMatchObject({ code: 'CLICKHOUSE_ENGINE_CONFLICT', kind: 'config' });
  }
  await using single = fixture.create({ engine: 'single' });
  await single.check();
});

it('refuses a database of its own on one of several replicas, unless it is declared to be alone', async () => {
  await using fixture = await httpFixture();
  await fixture.query(`CREATE DATABASE ${fixture.options.database}`);
  await using front = await startStatementFront(fixture.options.url ?? '', {
    rewrite: (query) =>
      query.includes('FROM system.clusters AS peer') ? query.replace('count()', 'count() + 1') : query,
  });
  await expect(fixture.create({ url: front.url }).check()).rejects.toMatchObject({
    code: 'CLICKHOUSE_DATABASE_NOT_SHARED',
    kind: 'config',
  });
  await fixture.create({ url: front.url, engine: 'single' }).check();
});

it('says how to create a database where the server does not know its replicas', async () => {
  await using fixture = await httpFixture();
  await expect(fixture.create({ engine: 'replicated' }).check()).rejects.toMatchObject({
    code: 'CLICKHOUSE_DATABASE_MISSING',
    hint: expect.stringContaining('ENGINE = Replicated(') as string,
  });
});

it.each(['replicated', 'cloud'] as const)('looks at and plans a %s database that is missing', async (engine) => {
  await using fixture = await httpFixture();
  const destination = fixture.create({ engine });
  const planned = await destination.plan?.([EVENTS]);
  expect(planned?.statements[0]).toContain('CREATE DATABASE IF NOT EXISTS');
  expect(planned?.streams[0]?.statements[0]).toContain(
    engine === 'cloud' ? 'ENGINE = ReplacingMergeTree(' : 'ENGINE = ReplicatedReplacingMergeTree(',
  );
  expect(fixture.queries.filter((query) => !query.startsWith('SELECT'))).toEqual([]);
});
