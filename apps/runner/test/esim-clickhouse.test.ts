import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { runPipeline, type PipelineReport } from '@etl/core';
import { clickhouse, openClickHouse } from '@etl/dest-clickhouse';
import { startSandbox } from '@etl/sandbox';
import { expect, it } from 'vitest';
import { Random } from '../bench/random.ts';
import { esimPlatform } from '../src/platforms/esim.ts';

const directory = mkdtempSync(join(tmpdir(), 'etl-esim-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));

type Line = Readonly<Record<string, unknown>>;

/** The platform `esim` in front of a sandbox, and a database of its own in the embedded ClickHouse. */
async function scene(database: string, group: Readonly<Record<string, unknown>>) {
  const sandbox = await startSandbox({ seed: database, platforms: ['esim'] });
  const { baseUrl, apiKey } = sandbox.esim;
  const opened = esimPlatform.open('default', { base_url: baseUrl, api_key: apiKey, ...group });
  expect(opened.target).toEqual({ destination: 'clickhouse_esim', dataset: 'esim' });
  const options = { path: join(directory, 'engine'), database, dataset: 'esim' };
  const destination = clickhouse(options);
  return {
    sandbox,
    async query(sql: string): Promise<readonly Line[]> {
      await using reader = await openClickHouse(options);
      let text = '';
      for await (const chunk of reader.query(sql, { format: 'JSONEachRow' }))
        text += Buffer.from(chunk).toString('utf8');
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line);
    },
    async run(given: { readonly fullRefresh?: boolean; readonly streams?: readonly string[] } = {}) {
      await using source = await opened.createSource();
      const now = (): Date => new Date(sandbox.control.now());
      const report: PipelineReport = await runPipeline({ name: 'esim_default', source, destination, now, ...given });
      expect(report.failures).toEqual([]);
      return report;
    },
    async [Symbol.asyncDispose]() {
      await destination[Symbol.asyncDispose]();
      await sandbox[Symbol.asyncDispose]();
    },
  };
}

it('loads the datasets of the manifest, widened, once each and with their drift', { timeout: 120_000 }, async () => {
  await using esim = await scene('esim_db', { datasets: { orders: { reviewed: ['1.4'] } } });
  const { control } = esim.sandbox;
  control.changeExport({ kind: 'add-column', dataset: 'orders', name: 'bonus', values: [1, 2] });
  control.advance({ hours: 2 });
  await esim.run();
  control.changeExport({ kind: 'add-column', dataset: 'orders', name: 'bonus', values: [0.1] });
  control.changeExport({ kind: 'manifest', dataset: 'orders', entry: { schema_version: '1.5' } });
  control.changeExport({ kind: 'touch', dataset: 'orders', count: 3 });
  control.advance({ hours: 1 });
  await esim.run();
  await esim.run({ fullRefresh: true });

  const orders = await esim.query(
    'SELECT id, status, toString(bonus) AS amount, toTypeName(bonus) AS type FROM esim_db.esim___orders',
  );
  expect(new Set(orders.map(({ type }) => type))).toEqual(new Set(['Nullable(Decimal(38, 9))']));
  const world = esim.sandbox.esim
    .rows('orders')
    .map(({ id, status, bonus = null }) => JSON.stringify([id, status, bonus]));
  const loaded = orders.map(({ id, status, amount }) =>
    JSON.stringify([id, status, amount === null ? null : Number(amount)]),
  );
  expect(new Set(loaded)).toEqual(new Set(world));
  expect(loaded).toHaveLength(world.length);

  // Read again from the start, what is only appended is there once.
  const items = await esim.query('SELECT id FROM esim_db.esim___order_line_items');
  const expected = esim.sandbox.esim.rows('order_line_items').map(({ id }) => String(id));
  expect(new Set(items.map(({ id }) => id))).toEqual(new Set(expected));
  expect(items).toHaveLength(expected.length);

  const drifts = await esim.query("SELECT detail FROM esim_db._etl_schema_changes WHERE change = 'drift-found'");
  expect(drifts.map(({ detail }) => JSON.parse(String(detail)) as unknown)).toContainEqual({
    property: 'schema version',
    declared: '1.4',
    actual: '1.5 (no new fields so far)',
  });
});

it('refreshes a dataset as a whole: what is gone there is gone here', { timeout: 120_000 }, async () => {
  await using esim = await scene('esim_refresh', {});
  const { control } = esim.sandbox;
  const entry = { strategy: 'full-refresh-snapshot', watermark_field: null, primary_key: null };
  control.changeExport({ kind: 'manifest', dataset: 'users', entry });
  const ids = async (): Promise<readonly unknown[]> =>
    (await esim.query('SELECT id FROM esim_refresh.esim___users ORDER BY id')).map(({ id }) => id);
  const world = (): readonly unknown[] =>
    esim.sandbox.esim
      .rows('users')
      .map(({ id }) => String(id))
      .toSorted((a, b) => (a < b ? -1 : 1));
  await esim.run({ streams: ['users'] });
  expect(await ids()).toEqual(world());
  const before = world().length;
  control.changeExport({ kind: 'remove-rows', dataset: 'users', count: 7 });
  await esim.run({ streams: ['users'] });
  expect(world()).toHaveLength(before - 7);
  expect(await ids()).toEqual(world());
});

it('keeps personal data out of every table', { timeout: 120_000 }, async () => {
  const users = { hash: ['email'], drop: ['first_name', 'ip_address'] };
  await using esim = await scene('esim_pii', { hash_key: 'a key of the tests', datasets: { users } });
  await esim.run();
  const tables = await esim.query("SELECT name FROM system.tables WHERE database = 'esim_pii' AND engine != 'View'");
  expect(tables.map(({ name }) => name)).toContain('_etl_slices');
  let text = '';
  for (const { name } of tables) text += JSON.stringify(await esim.query(`SELECT * FROM esim_pii.\`${String(name)}\``));
  expect(text.match(/"email":"[0-9a-f]{64}"/g)?.length).toBe(esim.sandbox.esim.rows('users').length);
  for (const personal of ['travellers.example', '203.0.113.', '"first_name":', '"ip_address":'])
    expect(text.includes(personal), personal).toBe(false);
});

const SEED = Number(process.env['ESIM_SEED'] ?? Math.floor(Math.random() * 1e9));
const VALUES: Readonly<Record<string, readonly string[]>> = {
  money: ['1', '2.5', '-3', '12345678901234567.123456789', 'null'],
  noisy: ['0.30000000000000004', '1', '2.25', 'null'],
  count: ['1', '9223372036854775807', '-9223372036854775808', 'null'],
  moment: ['"2026-01-01T02:00:00.5+02:00"', '"2026-01-01T00:00:00Z"', '"2026-06-01 12:00:00-0330"', 'null'],
  mixed: ['1', '1.50', 'true', '"text"', '{"a":[1,2.50]}', '"2026-01-01T00:00:00Z"', '9223372036854775808'],
  spoken: ['"2026-01-01T00:00:00Z"', '"soon"', 'null'],
  flag: ['true', 'false', 'null'],
  huge: ['1', '1e30', '123456789012345678901234567890123456789012345678901234567890'],
  object: ['{"b":1,"a":12345678901234567890}', 'null', '[1]'],
  late: ['null', 'null', 'null', '7'],
};

it(
  `has the same types and the same table in whatever pages and runs rows come (ESIM_SEED=${SEED})`,
  { timeout: 240_000 },
  async () => {
    const random = new Random(SEED);
    const rows = Array.from({ length: 40 }, (_, id) => {
      const cells = Object.entries(VALUES).map(([name, values]) => `"${name}":${values[id % values.length] ?? 'null'}`);
      return `{"id":${id},"updated_at":"2026-03-01T00:00:00Z",${cells.join(',')}}`;
    });
    await using esim = await scene('esim_types', {});
    const names = ['a', 'b', 'c', 'd'];
    const runs = 3;
    // Every dataset has the same rows, in an order of its own, cut into runs and pages of its own.
    const shares = names.map((_, index) => cut(shuffled(rows, random), index === 0 ? 1 : runs, random));
    for (let run = 0; run < runs; run += 1) {
      for (const [index, name] of names.entries()) {
        const pages = cut(shares[index]?.[run] ?? [], 1 + random.below(3), random);
        esim.sandbox.control.changeExport({ kind: 'serve', entry: { name }, pages });
      }
      await esim.run({ streams: names });
    }
    const columns = ['id', ...Object.keys(VALUES)].toSorted();
    const read = async (name: string): Promise<unknown> => ({
      types: await esim.query(
        `SELECT name, type FROM system.columns WHERE database = 'esim_types' AND table = 'esim___${name}' AND name IN (${columns.map((column) => `'${column}'`).join(', ')}) ORDER BY name`,
      ),
      rows: await esim.query(
        `SELECT ${columns.map((column) => `toString(${column}) AS ${column}_text`).join(', ')} FROM esim_types.esim___${name} ORDER BY id`,
      ),
    });
    const [first, ...others] = await Promise.all(names.map((name) => read(name)));
    expect((first as { rows: unknown[] }).rows).toHaveLength(rows.length);
    for (const other of others) expect(other).toEqual(first);
    expect(typesOf(first)).toEqual({
      id: 'String',
      money: 'Nullable(Decimal(38, 9))',
      noisy: 'Nullable(Decimal(76, 38))',
      count: 'Nullable(Int64)',
      moment: "Nullable(DateTime64(6, 'UTC'))",
      mixed: 'Nullable(String)',
      spoken: 'Nullable(String)',
      flag: 'Nullable(Bool)',
      huge: 'Nullable(String)',
      object: 'Nullable(String)',
      late: 'Nullable(Int64)',
    });
  },
);

function typesOf(read: unknown): Readonly<Record<string, unknown>> {
  const { types } = read as { readonly types: readonly Line[] };
  return Object.fromEntries(types.map(({ name, type }) => [String(name), type]));
}

function shuffled<T>(items: readonly T[], random: Random): readonly T[] {
  const left = [...items];
  return items.map(() => left.splice(random.below(left.length), 1)[0] as T);
}

/** The items in their order, cut into so many parts at random places; some may be empty. */
function cut<T>(items: readonly T[], parts: number, random: Random): readonly (readonly T[])[] {
  const ends = Array.from({ length: parts - 1 }, () => random.below(items.length + 1)).toSorted((a, b) => a - b);
  // A page before the last is never empty.
  const pages = [0, ...ends].map((start, index) => items.slice(start, ends[index] ?? items.length));
  return pages.length === 1 ? pages : pages.filter((page) => page.length > 0);
}
