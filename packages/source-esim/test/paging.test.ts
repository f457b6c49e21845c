import { describe, expect, it } from 'vitest';
import { ALL, esimFixture, sides } from './fixture.ts';

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

  it.each([
    ['is no object', '[]'],
    ['has no items', '{"has_more":false}'],
    ['does not say whether there is more', '{"items":[],"next_cursor":null}'],
    ['has items that are none', '{"items":[1],"has_more":false}'],
    ['has a cursor that is a number', '{"items":[],"has_more":true,"next_cursor":7}'],
  ])('that meets a page which %s is an error of that dataset alone', async (_, body) => {
    await using fixture = await esimFixture('pages');
    fixture.sandbox.control.fault({ kind: 'status', status: 200, body, match: { path: '*/orders/' } });
    expect((await fixture.run()).failures).toMatchObject([{ stream: 'orders', error: { code: 'ESIM_PAGE_INVALID' } }]);
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
    for (const dataset of ALL) {
      const { loaded, world } = sides(fixture, dataset);
      expect(loaded, dataset).toEqual(world);
    }
  });
});
