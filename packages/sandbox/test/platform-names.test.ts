import * as sdk from 'facebook-nodejs-business-sdk';
import { describe, expect, it } from 'vitest';
import { INSIGHT_FIELDS } from '../src/platforms/facebook/insight-row.ts';
import { AD_FIELDS, AD_SET_FIELDS, CAMPAIGN_FIELDS, CREATIVE_FIELDS } from '../src/platforms/facebook/object-fields.ts';
import { ATTRIBUTION_WINDOWS } from '../src/world/attribution.ts';
import { BREAKDOWNS } from '../src/world/tally-insights.ts';

// The published types do not know the lists that the client carries.
type Lists = Readonly<Record<string, Readonly<Record<string, string>>>>;
const { Ad, AdCreative, AdSet, AdsInsights, Campaign } = sdk as unknown as Readonly<Record<string, Lists>>;

describe('what the sandbox answers has the names of the platform', () => {
  it.each([
    ['fields of campaigns', Object.keys(CAMPAIGN_FIELDS), Campaign?.['Fields']],
    ['fields of ad sets', Object.keys(AD_SET_FIELDS), AdSet?.['Fields']],
    ['fields of ads', Object.keys(AD_FIELDS), Ad?.['Fields']],
    ['fields of creatives', Object.keys(CREATIVE_FIELDS), AdCreative?.['Fields']],
    ['fields of reports', [...INSIGHT_FIELDS], AdsInsights?.['Fields']],
    ['breakdowns', BREAKDOWNS, AdsInsights?.['Breakdowns']],
    ['attribution windows', ATTRIBUTION_WINDOWS, AdsInsights?.['ActionAttributionWindows']],
  ])('%s', (_what, names, list) => {
    const known = new Set(Object.values(list ?? {}));
    expect(known.size).toBeGreaterThan(0);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });
});
