import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GraphObject } from '../src/graph-client.ts';
import { joinedReports } from '../src/report-join.ts';

const KEY = ['account_id', 'date_start', 'ad_id', 'country'];

async function* pages(rows: readonly GraphObject[], size: number): AsyncGenerator<readonly GraphObject[]> {
  for (let start = 0; start < rows.length; start += size) yield rows.slice(start, start + size);
}

async function joined(
  reports: readonly (readonly GraphObject[])[],
  size = 2,
): Promise<{ readonly rows: GraphObject[]; readonly unmatched: number }> {
  const rows: GraphObject[] = [];
  let unmatched = 0;
  const iterators = reports.map((report) => pages(report, size));
  for await (const { rows: page, lacking } of joinedReports(iterators, KEY)) {
    rows.push(...page);
    if (lacking.length > 0) unmatched += page.length;
  }
  return { rows, unmatched };
}

const row = (ad: string, values: GraphObject, country = 'AE', day = '2026-03-01'): GraphObject => ({
  account_id: '1',
  date_start: day,
  ad_id: ad,
  country,
  ...values,
});

test('core and unique metrics are joined on the whole key', async () => {
  const core = [row('1', { spend: '1' }), row('1', { spend: '2' }, 'GB'), row('1', { spend: '3' }, 'AE', '2026-03-02')];
  const unique = [
    row('1', { reach: '10' }, 'GB'),
    row('1', { reach: '20' }, 'AE', '2026-03-02'),
    row('1', { reach: '30' }),
  ];
  const { rows, unmatched } = await joined([core, unique]);
  expect(unmatched).toBe(0);
  expect(rows.map(({ spend, reach }) => `${String(spend)} ${String(reach)}`).sort()).toEqual(['1 30', '2 10', '3 20']);
});

test('a row that only one of the reports has is kept without what is missing, and said to be', async () => {
  const { rows, unmatched } = await joined([[row('1', { spend: '1' })], [row('2', { reach: '5' })]]);
  expect(unmatched).toBe(2);
  expect(rows).toEqual([row('1', { spend: '1' }), row('2', { reach: '5' })]);
});

test('two rows of one key in one report stay two, for the gate to refuse: neither is written over the other', async () => {
  const twice = [row('1', { spend: '1' }), row('1', { spend: '2' })];
  for (const unique of [[], [row('1', { reach: '5' })]]) {
    const { rows } = await joined([twice, unique]);
    expect(rows.map(({ spend }) => spend).filter((spend) => spend !== undefined)).toEqual(
      expect.arrayContaining(['1', '2']),
    );
    expect(rows.length).toBeGreaterThanOrEqual(2);
  }
});

test('one report is handed on as it is', async () => {
  const rows = [row('1', { spend: '1' }), row('1', { spend: '1' })];
  expect(await joined([rows])).toEqual({ rows, unmatched: 0 });
  expect(await joined([])).toEqual({ rows: [], unmatched: 0 });
});

test('gives every row once with all of its values, whatever the order and the pages', async () => {
  const scene = fc.record({
    ads: fc.uniqueArray(fc.nat(50), { maxLength: 30 }),
    reports: fc.integer({ min: 1, max: 4 }),
    size: fc.integer({ min: 1, max: 7 }),
    seed: fc.integer(),
  });
  await fc.assert(
    fc.asyncProperty(scene, async ({ ads, reports, size, seed }) => {
      const given = Array.from({ length: reports }, (_, index) =>
        shuffled(ads, seed + index).map((ad) => row(String(ad), { [`metric_${index}`]: String(ad * 10 + index) })),
      );
      const { rows, unmatched } = await joined(given, size);
      expect(unmatched).toBe(0);
      expect(rows).toHaveLength(ads.length);
      for (const found of rows) {
        for (let index = 0; index < reports; index += 1) {
          expect(found[`metric_${index}`]).toBe(String(Number(found['ad_id']) * 10 + index));
        }
      }
    }),
  );
});

test('keeps no more than how far the reports are apart', async () => {
  let [most, open] = [0, 0];
  const count = 2000;
  async function* watched(name: string): AsyncGenerator<readonly GraphObject[]> {
    for (let ad = 0; ad < count; ad += 10) {
      open += 10;
      yield Array.from({ length: 10 }, (_, index) => row(String(ad + index), { [name]: '1' }));
    }
  }
  for await (const { rows } of joinedReports([watched('spend'), watched('reach')], KEY)) {
    open -= rows.length * 2;
    most = Math.max(most, open);
  }
  expect(most).toBeLessThanOrEqual(20);
});

test('who leaves early closes every report', async () => {
  const closed: string[] = [];
  async function* report(name: string): AsyncGenerator<readonly GraphObject[]> {
    try {
      for (;;) yield [row('1', {})];
    } finally {
      closed.push(name);
    }
  }
  const both = [report('core'), report('unique')];
  for await (const { rows } of joinedReports(both, KEY)) if (rows.length > 0) break;
  expect(closed.sort()).toEqual(['core', 'unique']);
});

function shuffled(ads: readonly number[], seed: number): readonly number[] {
  return ads.toSorted((a, b) => Math.sin(a * 37 + seed) - Math.sin(b * 37 + seed));
}
