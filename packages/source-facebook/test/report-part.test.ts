import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  filtersOf,
  halvesOf,
  wholePart,
  withFewerFields,
  withoutField,
  type ListIds,
  type ReportPart,
} from '../src/report-part.ts';

interface Ad {
  readonly campaign: string;
  readonly adset: string;
  readonly ad: string;
}

/** Campaigns of up to three ad sets of up to three ads. */
const accounts = fc
  .array(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }), { maxLength: 6 })
  .map((campaigns) =>
    campaigns.flatMap((adSets, campaign) =>
      adSets.flatMap((ads, adSet) =>
        Array.from({ length: ads }, (_, ad): Ad => ({
          campaign: `c${campaign}`,
          adset: `c${campaign}s${adSet}`,
          ad: `c${campaign}s${adSet}a${ad}`,
        })),
      ),
    ),
  );

function listIds(ads: readonly Ad[]): ListIds {
  const above = { campaign: undefined, adset: 'campaign', ad: 'adset' } as const;
  return (level, parent) => {
    const parentLevel = above[level];
    const within = ads.filter((ad) => parent === undefined || parentLevel === undefined || ad[parentLevel] === parent);
    return Promise.resolve([...new Set(within.map((ad) => ad[level]))].sort());
  };
}

function covers(part: ReportPart, ad: Ad): boolean {
  return filtersOf(part).every(({ field, operator, value }) => {
    const level = field.slice(0, -'.id'.length) as keyof Ad;
    return value.includes(ad[level]) === (operator === 'IN');
  });
}

/** Divides until nothing can be divided any more. */
async function leaves(part: ReportPart, ids: ListIds): Promise<readonly ReportPart[]> {
  const halves = await halvesOf(part, 'ad', ids);
  if (halves === undefined) return [part];
  return [...(await leaves(halves[0], ids)), ...(await leaves(halves[1], ids))];
}

test('divided as often as possible, every ad is in one part only, and a part has no more than one ad', async () => {
  await fc.assert(
    fc.asyncProperty(accounts, async (ads) => {
      const parts = await leaves(wholePart([['spend']]), listIds(ads));
      for (const ad of ads) expect(parts.filter((part) => covers(part, ad))).toHaveLength(1);
      for (const part of parts) expect(ads.filter((ad) => covers(part, ad)).length).toBeLessThanOrEqual(1);
    }),
    { numRuns: 60 },
  );
});

test('what comes into being after the account was divided is in one part too', async () => {
  await fc.assert(
    fc.asyncProperty(accounts, fc.nat(3), async (ads, known) => {
      const parts = await leaves(wholePart([['spend']]), listIds(ads.slice(0, known)));
      for (const ad of ads) expect(parts.filter((part) => covers(part, ad))).toHaveLength(1);
    }),
    { numRuns: 60 },
  );
});

test('a report is never divided below its own level, and one of the account not at all', async () => {
  const ids = listIds([
    { campaign: 'c1', adset: 's1', ad: 'a1' },
    { campaign: 'c1', adset: 's2', ad: 'a2' },
  ]);
  const whole = wholePart([['spend']]);
  expect(await halvesOf(whole, 'account', ids)).toBeUndefined();
  const [only] = (await halvesOf(whole, 'campaign', ids)) ?? [];
  expect(only?.ids).toEqual(['c1']);
  expect(await halvesOf(only ?? whole, 'campaign', ids)).toBeUndefined();
  const deeper = await halvesOf(only ?? whole, 'adset', ids);
  expect(deeper?.map(filtersOf)).toEqual([
    [
      { field: 'campaign.id', operator: 'IN', value: ['c1'] },
      { field: 'adset.id', operator: 'IN', value: ['s1'] },
    ],
    [
      { field: 'campaign.id', operator: 'IN', value: ['c1'] },
      { field: 'adset.id', operator: 'NOT_IN', value: ['s1'] },
    ],
  ]);
});

test('fields are halved, and one alone is given up', () => {
  const part = wholePart([
    ['spend', 'actions', 'action_values'],
    ['reach', 'frequency'],
  ]);
  const once = withFewerFields(part, ['spend', 'actions', 'action_values']);
  expect(once?.groups).toEqual([['spend', 'actions'], ['action_values'], ['reach', 'frequency']]);
  const twice = withFewerFields(once ?? part, ['action_values']);
  expect(twice?.groups).toEqual([
    ['spend', 'actions'],
    ['reach', 'frequency'],
  ]);
  expect(twice?.unfetched).toEqual(['action_values']);
});

test.each(['spend', 'impressions', 'clicks'])('%s is never given up: without it a row is no row', (field) => {
  expect(withFewerFields(wholePart([[field], ['reach']]), [field])).toBeUndefined();
});

test('the last field of all is not given up, and one that is not asked for cannot be', () => {
  expect(withFewerFields(wholePart([['actions']]), ['actions'])).toBeUndefined();
  expect(withFewerFields(wholePart([['actions'], ['reach']]), ['ctr'])).toBeUndefined();
});

test('a field that is given up leaves no empty report behind', () => {
  expect(withoutField(wholePart([['actions'], ['reach', 'actions']]), 'actions')).toMatchObject({
    groups: [['reach']],
    unfetched: ['actions'],
  });
});
