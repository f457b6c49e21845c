import { describe, expect, it } from 'vitest';
import { esim } from '../src/index.ts';
import { ALL, DATASETS, esimFixture, ORDERS_DRIFT, sides, type EsimFixture } from './fixture.ts';

/** What the system before this one got wrong, and what its tests fixed, by the names of those lists. */
describe('the system before', () => {
  it('P13: no silent green – a page cap, a repeated cursor or a dataset that fails is a partial run', async () => {
    await using fixture = await esimFixture('p13', { maxPages: 12 });
    fixture.sandbox.control.fault({ kind: 'repeated-cursor', after: 1, match: { path: '*/users/' } });
    fixture.sandbox.control.fault({ kind: 'status', status: 404, match: { path: '*/sessions/' } });
    const report = await fixture.run();
    expect(report.status).toBe('partial');
    expect(report.failures.map(({ stream, error }) => `${stream} ${error.code}`).toSorted()).toEqual([
      'order_line_items PAGE_CAP_REACHED',
      'sessions HTTP_NOT_FOUND',
      'users PAGE_REPEATED',
    ]);
    const [run] = fixture.store.runs;
    expect(run?.failures).toHaveLength(3);
    expect([...(fixture.store.ledger.get('esim_default')?.values() ?? [])]).toContainEqual(
      expect.objectContaining({ stream: 'users', status: 'failed', reason: expect.stringContaining('PAGE_REPEATED') }),
    );
  });

  it('P13: all datasets that fail are a run that failed', async () => {
    await using fixture = await esimFixture('p13');
    fixture.sandbox.control.fault({ kind: 'status', status: 403, times: 100, match: { path: '*exports/*s/' } });
    const { status, failures } = await fixture.run();
    expect(status).toBe('failed');
    expect(new Set(failures.map(({ stream }) => stream))).toEqual(new Set(ALL));
  });

  it('P22: a backfill is never mixed with the hourly position: there are no days to ask for', async () => {
    await using fixture = await esimFixture('p22');
    await fixture.run();
    fixture.sandbox.control.advance({ hours: 5 });
    const days = { start: '2026-09-01', end: '2026-09-05' };
    expect(await fixture.run({ days })).toMatchObject({ status: 'ok' });
    await equalToTheWorld(fixture);
    expect(esim({ baseUrl: 'https://api.example', apiKey: 'k' }).hasDays).toBe(false);
  });

  it('P22: everything again is asked for by its name, and adds nothing twice', async () => {
    await using fixture = await esimFixture('p22');
    await fixture.run();
    fixture.sandbox.control.clearRequests();
    expect(await fixture.run({ fullRefresh: true })).toMatchObject({ status: 'ok' });
    const asked = fixture.sandbox.control.requests({ path: '*/orders/' });
    expect(asked[0]?.parameters['updated_after']).toBeUndefined();
    await equalToTheWorld(fixture);
  });

  it('P23: another MINOR loads with a warning, another MAJOR fails its dataset alone', async () => {
    await using fixture = await esimFixture('p23');
    const { control } = fixture.sandbox;
    control.changeExport({ kind: 'manifest', dataset: 'orders', entry: { schema_version: '1.9' } });
    const drifted = await fixture.run();
    expect(drifted).toMatchObject({ status: 'ok', schemaChanges: expect.arrayContaining([ORDERS_DRIFT]) });
    control.changeExport({ kind: 'manifest', dataset: 'orders', entry: { schema_version: '2.0' } });
    const refused = await fixture.run();
    expect(refused).toMatchObject({ status: 'partial', failures: [{ stream: 'orders' }] });
  });

  it.each([
    ['declared', DATASETS, { precision: 10, scale: 2 }],
    ['undeclared', {}, { precision: 38, scale: 9 }],
  ])('P24: money that comes as floats is exact, %s', async (_, datasets, type) => {
    await using fixture = await esimFixture('p24', { datasets });
    await fixture.run();
    const columns = fixture.store.specs.get('orders')?.columns ?? [];
    expect(columns.find(({ name }) => name === 'subtotal_eur')).toMatchObject({ type: 'decimal', ...type });
    expect(columns.filter((column) => column.type.startsWith('float'))).toEqual([]);
    expect(fixture.store.rows('orders').every((row) => typeof row['subtotal_eur'] === 'string')).toBe(true);
    await equalToTheWorld(fixture);
  });

  it('manifest 2.0 rejected', async () => {
    await using fixture = await esimFixture('majors');
    const { control } = fixture.sandbox;
    control.changeExport({ kind: 'manifest', dataset: 'orders', entry: { schema_version: '2.0' } });
    expect((await fixture.run()).failures).toMatchObject([
      { stream: 'orders', error: { code: 'ESIM_VERSION_UNKNOWN' } },
    ]);
  });

  it('reviewed minors accepted', async () => {
    const reviewed = ['1.1', '1.2', '1.3', '1.4', '1.5'];
    await using fixture = await esimFixture('minors', { datasets: { orders: { reviewed } } });
    for (const schema_version of reviewed) {
      fixture.sandbox.control.changeExport({ kind: 'manifest', dataset: 'orders', entry: { schema_version } });
      const { status, schemaChanges } = await fixture.run();
      expect(status).toBe('ok');
      expect(schemaChanges.filter(({ type }) => type === 'drift-found')).toEqual([]);
    }
  });
});

async function equalToTheWorld(fixture: EsimFixture): Promise<void> {
  for (const dataset of ALL) {
    const { loaded, world } = sides(fixture, dataset);
    expect(loaded, dataset).toEqual(world);
  }
}
