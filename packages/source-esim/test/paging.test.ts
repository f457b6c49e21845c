import { describe, expect, it } from 'vitest';
import { esimFixture, sides } from './fixture.ts';

describe('paging', () => {
  it.each([
    ['repeated-cursor', 1, 'PAGE_REPEATED'],
    ['missing-cursor', 0, 'PAGE_CURSOR_MISSING'],
    ['empty-page', 0, 'PAGE_EMPTY'],
  ] as const)('that meets %s is an error of that dataset alone', async (kind, after, code) => {
    await using fixture = await esimFixture('paging');
    fixture.sandbox.control.fault({ kind, after, match: { path: '*/orders/' } });
    const report = await fixture.run();
    expect(report.failures).toMatchObject([{ stream: 'orders', error: { code } }]);
    expect(fixture.store.rows('orders')).toEqual([]);
    expect(report.status).toBe('partial');
    expect(await fixture.run()).toMatchObject({ status: 'ok' });
    const { loaded, world } = sides(fixture, 'orders');
    expect(loaded).toEqual(world);
  });

  it('beyond the cap is an error', async () => {
    await using fixture = await esimFixture('cap', { maxPages: 2 });
    const report = await fixture.run();
    expect(report.failures.find(({ stream }) => stream === 'orders')).toMatchObject({
      error: { code: 'PAGE_CAP_REACHED' },
    });
  });

  it('of more rows than are held loads the same', async () => {
    await using fixture = await esimFixture('buffer', { bufferRows: 7 });
    expect(await fixture.run()).toMatchObject({ status: 'ok' });
    for (const dataset of ['orders', 'order_line_items'] as const) {
      const { loaded, world } = sides(fixture, dataset);
      expect(loaded).toEqual(world);
    }
  });
});

describe('personal data', () => {
  it('is hashed or dropped before anything is stored', async () => {
    await using fixture = await esimFixture('pii');
    const report = await fixture.run();
    const kept = JSON.stringify(
      [[...fixture.store.tables], [...fixture.store.state], [...fixture.store.memory], report],
      (_, value: unknown) => (value instanceof Map ? [...value] : typeof value === 'bigint' ? String(value) : value),
    );
    expect(kept).not.toContain('canary.example');
    expect(kept).not.toContain('Canary');
    expect(kept).not.toContain('203.0.113.7');
    expect(fixture.store.rows('users')[0]?.['email']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('under a name that is misspelt fails the dataset, with nothing stored', async () => {
    await using fixture = await esimFixture('pii', { datasets: { users: { drop: ['emial'] } } });
    expect((await fixture.run()).failures).toMatchObject([
      { stream: 'users', error: { code: 'ESIM_PII_COLUMN_MISSING' } },
    ]);
    expect(fixture.store.rows('users')).toEqual([]);
  });
});
