import { expect, test } from 'vitest';
import { startWorld, type World } from './world.ts';

const insightsOnly = { streams: ['insights'] };
const short = { insights: { historyDays: 3, lookbackDays: 2 } };

function one(world: World): { accountIds: string[]; accountId: string } {
  const accountId = world.accountIds[0] ?? '';
  return { accountIds: [accountId], accountId };
}

function submissions(world: World): number {
  return world.sandbox.control.requests({ method: 'POST', path: '*/insights' }).length;
}

test('takes up the reports of a run that was killed while it waited', async () => {
  await using world = await startWorld();
  const { accountIds } = one(world);
  const killer = new AbortController();
  const killed = world.run(
    { ...short, accountIds },
    {
      ...insightsOnly,
      signal: killer.signal,
      logger: {
        debug: (fields) => {
          if (fields['method'] === 'POST' && !String(fields['url']).endsWith('/insights'))
            killer.abort(new Error('killed'));
        },
        info: () => undefined,
        warn: () => undefined,
        error: () => undefined,
        child() {
          return this;
        },
      },
    },
  );
  await expect(killed).rejects.toThrow('killed');
  const before = submissions(world);
  expect(before).toBe(2);
  world.store.held.clear();
  const report = await world.run({ ...short, accountIds }, insightsOnly);
  expect(report.status).toBe('ok');
  expect(submissions(world)).toBe(before);
  expect(world.store.rows('insights').length).toBeGreaterThan(0);
});

test('parks an account whose quota is used up, without waiting, and loads the others', async () => {
  await using world = await startWorld();
  const [parked = '', ...others] = world.accountIds;
  world.sandbox.control.fault({
    kind: 'rate-limit',
    code: 80_000,
    minutes: 40,
    match: { path: `*/act_${parked}/insights` },
  });
  const report = await world.run(short, insightsOnly);
  expect(report.status).toBe('partial');
  const failed = new Set(report.failures.map(({ slice }) => slice?.split('/')[0]));
  expect([...failed]).toEqual([`account_id=${parked}`]);
  expect(report.failures[0]?.error.code).toBe('FACEBOOK_QUOTA_USED');
  expect(report.failures[0]?.error.retryAfterMs).toBeGreaterThan(20 * 60_000);
  expect(world.sandbox.control.requests({ path: `*/act_${parked}/insights` })).toHaveLength(1);
  expect(new Set(world.store.rows('insights').map((row) => row['account_id'])).size).toBe(others.length - 1);

  const again = await world.run(short, insightsOnly);
  expect(again.status).toBe('partial');
  expect(world.sandbox.control.requests({ path: `*/act_${parked}/insights` })).toHaveLength(1);

  world.sandbox.control.advance({ minutes: 45 });
  expect((await world.run(short, insightsOnly)).status).toBe('ok');
});

test('learns how much an account can be asked for, and asks for no more in the next run', async () => {
  await using world = await startWorld({ facebook: { limits: { reportDataPoints: 2500 } } });
  const { accountIds } = one(world);
  const first = await world.run({ ...short, accountIds }, insightsOnly);
  expect(first.failures).toEqual([]);
  const refusals = () =>
    world.sandbox.control.requests({ method: 'POST' }).filter(({ status }) => status === 400).length;
  const learned = refusals();
  expect(learned).toBeGreaterThan(0);
  const second = await world.run({ ...short, accountIds }, insightsOnly);
  expect(second.status).toBe('ok');
  expect(refusals()).toBe(learned);
});

test('asks anew for a report that failed or was skipped, and gives up after the retries', async () => {
  await using world = await startWorld();
  const { accountIds } = one(world);
  world.sandbox.control.fault({ kind: 'job-failed', match: { path: '*/insights' } });
  world.sandbox.control.fault({ kind: 'job-skipped', match: { path: '*/insights' } });
  expect((await world.run({ ...short, accountIds }, insightsOnly)).status).toBe('ok');
  world.sandbox.control.fault({ kind: 'job-failed', times: 20, match: { path: '*/insights' } });
  const report = await world.run({ ...short, accountIds }, insightsOnly);
  expect(new Set(report.failures.map(({ error }) => error.code))).toEqual(new Set(['FACEBOOK_REPORT_FAILED']));
});

test('does not take a report for complete at 99 % or before it can be read', async () => {
  await using world = await startWorld();
  const { accountIds } = one(world);
  world.sandbox.control.fault({ kind: 'job-99', polls: 3, match: { path: '*/insights' } });
  world.sandbox.control.fault({ kind: 'job-unreadable', reads: 3, match: { path: '*/insights' } });
  expect((await world.run({ ...short, accountIds }, insightsOnly)).status).toBe('ok');
});

test('gives a stuck report up, and does not wait for it again in the next run', async () => {
  await using world = await startWorld();
  const { accountIds } = one(world);
  world.sandbox.control.fault({ kind: 'job-stuck', match: { path: '*/insights' } });
  const report = await world.run({ ...short, accountIds }, insightsOnly);
  expect(report.failures[0]?.error.code).toBe('FACEBOOK_REPORT_STUCK');
  expect((await world.run({ ...short, accountIds }, insightsOnly)).status).toBe('ok');
});

test.each([
  { kind: 'html' as const, match: { path: '*/insights' } },
  { kind: 'empty' as const, match: { path: '*/insights' } },
  { kind: 'reset' as const, match: { path: '*/insights' } },
  { kind: 'cut-json' as const, match: { path: '*/insights', method: 'GET' } },
  { kind: 'truncated' as const, match: { path: '*/insights', method: 'GET' } },
  { kind: 'repeated-cursor' as const, match: { path: '*/insights', method: 'GET' } },
  { kind: 'short-page' as const, match: { path: '*/insights', method: 'GET' } },
  { kind: 'batch-timeout' as const },
  { kind: 'graph-error' as const, code: 2, status: 500, match: { path: '*/insights' } },
  { kind: 'missing-field' as const, field: 'spend', match: { path: '*/insights', method: 'GET' } },
])('ends with the same rows after $kind', async (fault) => {
  await using world = await startWorld();
  const { accountIds } = one(world);
  expect((await world.run({ ...short, accountIds }, insightsOnly)).status).toBe('ok');
  const calm = world.store.rows('insights');
  world.sandbox.control.fault(fault);
  const report = await world.run({ ...short, accountIds }, insightsOnly);
  expect(report.failures).toEqual([]);
  expect(world.sandbox.control.faults().reduce((sum, { met }) => sum + met, 0)).toBe(1);
  expect(world.store.rows('insights')).toEqual(calm);
});

test('never shows the token when it has expired', async () => {
  await using world = await startWorld();
  const token = world.sandbox.facebook.issueToken({ expiresAt: '2026-04-01T00:00:00Z' });
  world.sandbox.control.advance({ days: 2 });
  const report = await world.run({ ...short, token });
  expect(report.status).toBe('failed');
  expect(new Set(report.failures.map(({ error }) => error.code))).toEqual(new Set(['FACEBOOK_TOKEN_EXPIRED']));
  expect(JSON.stringify(report.failures.map(({ error }) => [error, error.message, String(error.cause)]))).not.toContain(
    token,
  );
});

test('gives up only the field that is too much by itself, and says so', async () => {
  await using world = await startWorld();
  const { accountIds } = one(world);
  await world.run({ ...short, accountIds }, insightsOnly);
  const numbers = () =>
    world.store.rows('insights').map((row) => [row['date_start'], row['ad_id'], row['spend'], row['actions']]);
  const calm = numbers();
  // Its values are too much for every report that has them, however few days it is about.
  world.sandbox.control.fault({
    kind: 'too-much-data',
    form: 'data-points',
    times: 1000,
    match: { method: 'POST', path: '*/insights', parameters: { fields: '*action_values*' } },
  });
  const report = await world.run({ ...short, accountIds }, insightsOnly);
  expect(report.failures).toEqual([]);
  const since = world.sandbox.world.today(accountIds[0] ?? '');
  const rows = world.store.rows('insights').filter((row) => row['date_start'] === since);
  expect(numbers()).toEqual(calm);
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.every((row) => row['actions_link_click'] !== undefined && row['trial_start_value'] === null)).toBe(true);
  const ledger = [...(world.store.ledger.get('facebook_d1')?.values() ?? [])];
  expect(new Set(ledger.flatMap(({ flags }) => flags ?? []))).toContain('unfetched:action_values');
});

test('keeps the old rows when ads do not add up to their account', async () => {
  await using world = await startWorld();
  const { accountIds, accountId } = one(world);
  await world.run({ ...short, accountIds }, insightsOnly);
  const before = world.store.rows('insights');
  const answer = { data: [{ date_start: before[0]?.['date_start'], spend: '1', impressions: '1', clicks: '1' }] };
  world.sandbox.control.fault({
    kind: 'status',
    status: 200,
    times: 100,
    body: JSON.stringify(answer),
    match: { method: 'GET', path: `*/act_${accountId}/insights` },
  });
  const report = await world.run({ ...short, accountIds }, insightsOnly);
  expect(report.failures.map(({ error }) => error.code)).toContain('SLICE_SUM_DIFFERS');
  expect(world.store.rows('insights').filter((row) => row['date_start'] === before[0]?.['date_start'])).toEqual(
    before.filter((row) => row['date_start'] === before[0]?.['date_start']),
  );
});
