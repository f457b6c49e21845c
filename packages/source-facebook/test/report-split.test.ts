import { expect, test } from 'vitest';
import { resolveOptions } from '../src/options.ts';
import { ReportSplit, type PlannedReport } from '../src/report-split.ts';

const DAYS = ['2026-03-01'];
const CAMPAIGNS = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8'];

function splitOf(fields: readonly string[]): ReportSplit {
  const { insights } = resolveOptions({
    token: 'a token',
    accountIds: ['1'],
    insights: { level: 'campaign', fields: [...fields] as 'spend'[] },
  });
  return new ReportSplit(insights);
}

/** Narrows until no report has one of these fields. Gives back how often. */
async function narrowed(split: ReportSplit, heavy: readonly string[]): Promise<number> {
  const isHeavy = ({ group }: PlannedReport): boolean => group.some((field) => heavy.includes(field));
  for (let times = 0; times < 500; times += 1) {
    const tooMuch = split
      .rangesOf(DAYS)
      .flatMap((range) => split.reportsOf(range))
      .find(isHeavy);
    if (tooMuch === undefined) return times;
    expect(await split.narrow(tooMuch, () => Promise.resolve(CAMPAIGNS))).toBe(true);
  }
  return Infinity;
}

test.each([[['actions']], [['actions', 'action_values']], [['actions', 'action_values', 'cost_per_action_type']]])(
  'comes to an end where %j are too much for every object, each given up once for all',
  async (heavy) => {
    const split = splitOf(['spend', 'impressions', 'clicks', 'reach', ...heavy]);
    expect(await narrowed(split, heavy)).toBeLessThan(200);
    expect(split.parts).toHaveLength(1);
    expect(split.parts[0]?.unfetched.toSorted()).toEqual([...heavy].toSorted());
    const asked = split.reportsOf({ since: '2026-03-01', until: '2026-03-01' }).flatMap(({ group }) => group);
    expect(asked.toSorted()).toEqual(['clicks', 'impressions', 'reach', 'spend']);
  },
);
