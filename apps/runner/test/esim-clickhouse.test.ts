import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { runPipeline } from '@etl/core';
import { clickhouse, openClickHouse } from '@etl/dest-clickhouse';
import { startSandbox } from '@etl/sandbox';
import { expect, it } from 'vitest';
import { esimPlatform } from '../src/platforms/esim.ts';

const directory = mkdtempSync(join(tmpdir(), 'etl-esim-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));

it(
  'loads the datasets of the manifest into ClickHouse, widened, once each and with their drift',
  { timeout: 120_000 },
  async () => {
    await using sandbox = await startSandbox({ seed: 'clickhouse', platforms: ['esim'] });
    const { control } = sandbox;
    const { baseUrl, apiKey } = sandbox.esim;
    const group = esimPlatform.open('default', {
      base_url: baseUrl,
      api_key: apiKey,
      datasets: { orders: { reviewed: ['1.4'] } },
    });
    expect(group.target).toEqual({ destination: 'clickhouse_esim', dataset: 'esim' });
    const options = { path: join(directory, 'engine'), database: 'esim_db', dataset: 'esim' };
    const query = async (sql: string): Promise<Record<string, unknown>[]> => {
      await using reader = await openClickHouse(options);
      let text = '';
      for await (const chunk of reader.query(sql, { format: 'JSONEachRow' }))
        text += Buffer.from(chunk).toString('utf8');
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    await using destination = clickhouse(options);
    const run = async (fullRefresh = false) => {
      await using source = await group.createSource();
      const now = (): Date => new Date(control.now());
      return await runPipeline({ name: 'esim_analytics_default', source, destination, now, fullRefresh });
    };

    control.changeExport({ kind: 'add-column', dataset: 'orders', name: 'bonus', values: [1, 2] });
    control.advance({ hours: 2 });
    expect((await run()).failures).toEqual([]);
    control.changeExport({ kind: 'add-column', dataset: 'orders', name: 'bonus', values: [0.1] });
    control.changeExport({ kind: 'manifest', dataset: 'orders', entry: { schema_version: '1.5' } });
    control.changeExport({ kind: 'touch', dataset: 'orders', count: 3 });
    control.advance({ hours: 1 });
    expect((await run()).failures).toEqual([]);
    expect((await run(true)).failures).toEqual([]);

    const orders = await query(
      'SELECT id, status, toString(bonus) AS amount, toTypeName(bonus) AS type FROM esim_db.esim___orders',
    );
    expect(new Set(orders.map(({ type }) => type))).toEqual(new Set(['Nullable(Decimal(38, 9))']));
    const world = sandbox.esim
      .rows('orders')
      .map(({ id, status, bonus = null }) => JSON.stringify([id, status, bonus]));
    const loaded = orders.map(({ id, status, amount }) =>
      JSON.stringify([id, status, amount === null ? null : Number(amount)]),
    );
    expect(new Set(loaded)).toEqual(new Set(world));
    expect(loaded).toHaveLength(world.length);

    // Read again from the start, what is only appended is there once.
    const items = await query('SELECT id FROM esim_db.esim___order_line_items');
    const expected = sandbox.esim.rows('order_line_items').map(({ id }) => String(id));
    expect(new Set(items.map(({ id }) => id))).toEqual(new Set(expected));
    expect(items).toHaveLength(expected.length);

    const drifts = await query("SELECT detail FROM esim_db._etl_schema_changes WHERE change = 'drift-found'");
    expect(drifts.map(({ detail }) => JSON.parse(String(detail)))).toContainEqual({
      property: 'schema version',
      declared: '1.4',
      actual: '1.5 (no new fields so far)',
    });
  },
);
