import { expect, test } from 'vitest';
import { startWorld, type World } from './world.ts';

const insightsOnly = { streams: ['insights'] };
const short = { historyDays: 3, lookbackDays: 2 };

function first(world: World): string {
  return world.accountIds[0] ?? '';
}

function submissions({
  sandbox,
}: World): readonly { readonly parameters: Readonly<Record<string, string>>; readonly status?: number }[] {
  return sandbox.control.requests({ method: 'POST', path: '*/insights' });
}

function polls({ sandbox }: World): number {
  return sandbox.control.requests().filter(({ path, isBatched }) => isBatched && /\/v25\.0\/62\d+$/.test(path)).length;
}

test('windows have both bounds, follow each other without a gap or an overlap, have eight days at most, and end today', async () => {
  await using world = await startWorld();
  const accountId = first(world);
  expect((await world.run({ accountIds: [accountId] }, insightsOnly)).failures).toEqual([]);
  const ranges = submissions(world).map(({ parameters }) => parameters['time_range'] ?? '');
  const days = [...new Set(ranges)]
    .map((text) => JSON.parse(text) as { since: string; until: string })
    .toSorted((a, b) => (a.since < b.since ? -1 : 1));
  const today = world.sandbox.world.today(accountId);
  expect(days).toHaveLength(4);
  expect(days.at(-1)?.until).toBe(today);
  expect(days[0]?.since).toBe(dayAfter(today, -30));
  for (const [index, { since, until }] of days.entries()) {
    expect(until < dayAfter(since, 8)).toBe(true);
    if (index > 0) expect(since).toBe(dayAfter(days[index - 1]?.until ?? '', 1));
  }
  // Counts of people apart from everything else.
  expect(ranges).toHaveLength(8);
});

test('all reports of an account are in flight together, and looked at together', async () => {
  await using world = await startWorld({ facebook: { reports: { steps: 3, hasQuirks: false } } });
  await world.run({ accountIds: [first(world)] }, insightsOnly);
  const log = world.sandbox.control
    .requests()
    .filter(({ path, method, isBatched }) => !isBatched && (method === 'POST' || path.includes('/62')));
  const firstPage = log.findIndex(({ path, method }) => method === 'GET' && path.includes('/62'));
  const batches = log.slice(0, firstPage).filter(({ path }) => path.endsWith('/v25.0') || path.endsWith('/v25.0/'));
  expect(log.slice(0, 8).every(({ path }) => path.endsWith('/insights'))).toBe(true);
  expect(polls(world) / batches.length).toBe(8);
});

test('no more than maxInFlight reports are submitted before some are read', async () => {
  await using world = await startWorld();
  const accountId = first(world);
  const report = await world.run({ accountIds: [accountId], reports: { maxInFlight: 4 } }, insightsOnly);
  expect(report.failures).toEqual([]);
  let open = 0;
  let most = 0;
  for (const { method, path } of world.sandbox.control.requests()) {
    if (method === 'POST' && path.endsWith('/insights')) open += 1;
    if (method === 'GET' && /\/62\d+\/insights$/.test(path)) open = 0;
    most = Math.max(most, open);
  }
  expect(most).toBe(4);
});

test.each(['job-failed', 'job-skipped'] as const)(
  '%s is seen at the first look, and nothing is waited for',
  async (kind) => {
    await using world = await startWorld({ facebook: { reports: { steps: 0, hasQuirks: false } } });
    world.sandbox.control.fault({ kind, times: 100, match: { path: '*/insights' } });
    const before = world.sandbox.control.now();
    const report = await world.run(
      { accountIds: [first(world)], insights: short, reports: { maxRetries: 0 } },
      insightsOnly,
    );
    expect(new Set(report.failures.map(({ error }) => error.code))).toEqual(new Set(['FACEBOOK_REPORT_FAILED']));
    expect(polls(world)).toBeLessThanOrEqual(submissions(world).length);
    expect(world.sandbox.control.now()).toBe(before);
  },
);

test('a failed report is asked for again after a wait that doubles, and not without end', async () => {
  await using world = await startWorld({ facebook: { reports: { steps: 0, hasQuirks: false } } });
  world.sandbox.control.fault({ kind: 'job-failed', times: 100, match: { path: '*/insights' } });
  await world.run(
    {
      accountIds: [first(world)],
      insights: { ...short, fields: ['impressions', 'spend'], loadWindowDays: 1, historyDays: 1 },
      reports: { maxRetries: 2, retryDelaySeconds: 60, maxPollSeconds: 10 },
    },
    insightsOnly,
  );
  const times = world.sandbox.control
    .requests({ method: 'POST', path: '*/insights' })
    .map(({ at }) => Date.parse(at) / 1000);
  // Of the first day: at once, a minute later, two minutes after that.
  const waits = times.slice(0, 3).map((at, index, all) => at - (all[index - 1] ?? at));
  expect(waits[1]).toBeGreaterThanOrEqual(60);
  expect(waits[2]).toBeGreaterThanOrEqual(120);
  expect(times).toHaveLength(6);
});

test('completed at 99 % is not done', async () => {
  await using world = await startWorld({ facebook: { reports: { steps: 0, hasQuirks: false } } });
  world.sandbox.control.fault({ kind: 'job-99', polls: 3, times: 2, match: { path: '*/insights' } });
  const report = await world.run({ accountIds: [first(world)], insights: short }, insightsOnly);
  expect(report.status).toBe('ok');
  // Two reports, neither of which is done at the first two looks.
  expect(polls(world)).toBeGreaterThanOrEqual(6);
});

test('a report that the platform forgot is asked for anew', async () => {
  await using world = await startWorld();
  const killer = new AbortController();
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    child: () => logger,
  };
  const waiting = world.run(
    { accountIds: [first(world)], insights: short, reports: { reattachSeconds: 10_000_000 } },
    {
      ...insightsOnly,
      logger,
      signal: killer.signal,
      onEvent: (event) => {
        if (event.type === 'stream-progressed') killer.abort(new Error('killed'));
      },
    },
  );
  await expect(waiting).rejects.toThrow('killed');
  world.store.held.clear();
  // Reports are kept for thirty days.
  world.sandbox.control.advance({ days: 40 });
  expect(
    (
      await world.run(
        { accountIds: [first(world)], insights: short, reports: { reattachSeconds: 10_000_000 } },
        insightsOnly,
      )
    ).failures,
  ).toEqual([]);
});

test('a report of an earlier run that is too old is not taken up', async () => {
  await using world = await startWorld();
  const options = { accountIds: [first(world)], insights: short };
  world.sandbox.control.fault({ kind: 'job-stuck', times: 2, match: { path: '*/insights' } });
  const killer = new AbortController();
  const killed = world.run(options, {
    ...insightsOnly,
    signal: killer.signal,
    onEvent: (event) => {
      if (event.type === 'stream-progressed') killer.abort(new Error('killed'));
    },
  });
  await expect(killed).rejects.toThrow('killed');
  const before = submissions(world).length;
  world.store.held.clear();
  world.sandbox.control.advance({ hours: 7 });
  expect((await world.run(options, insightsOnly)).failures).toEqual([]);
  expect(submissions(world).length).toBeGreaterThan(before);
});

test('what a load was refused for is not read from the same report again', async () => {
  await using world = await startWorld();
  const accountId = first(world);
  const options = { accountIds: [accountId], insights: { ...short, historyDays: 1 } };
  // The account says something else than its ads, for every day.
  const answer = {
    data: [
      { date_start: dayAfter(world.sandbox.world.today(accountId), -1), spend: '1', impressions: '1', clicks: '1' },
    ],
  };
  world.sandbox.control.fault({
    kind: 'status',
    status: 200,
    times: 100,
    body: JSON.stringify(answer),
    match: { method: 'GET', path: `*/act_${accountId}/insights` },
  });
  expect((await world.run(options, insightsOnly)).failures.map(({ error }) => error.code)).toContain(
    'SLICE_SUM_DIFFERS',
  );
  world.sandbox.control.clearFaults();
  const before = submissions(world).length;
  expect((await world.run(options, insightsOnly)).failures).toEqual([]);
  expect(submissions(world).length).toBeGreaterThan(before);
});

test('a run that has not the time to wait for a report leaves it to the next', async () => {
  await using world = await startWorld();
  const options = { accountIds: [first(world)], insights: short };
  const deadline = new Date(Date.parse(world.sandbox.control.now()) + 15_000);
  const report = await world.run(options, { ...insightsOnly, deadline });
  expect(report.failures[0]?.error.code).toBe('FACEBOOK_REPORT_PENDING');
  const before = submissions(world).length;
  expect((await world.run(options, insightsOnly)).failures).toEqual([]);
  expect(submissions(world)).toHaveLength(before);
});

test('a token that nobody takes ends the reading at once: nothing is split, nothing is tried again', async () => {
  await using world = await startWorld();
  world.sandbox.facebook.revokeToken(world.sandbox.facebook.token, 460);
  const report = await world.run({ accountIds: [first(world)], insights: short }, insightsOnly);
  expect(new Set(report.failures.map(({ error }) => error.kind))).toEqual(new Set(['auth']));
  expect(submissions(world)).toHaveLength(0);
  expect(world.sandbox.control.requests().length).toBeLessThanOrEqual(3);
});

test('results come in pages of 500, or as many as are asked for', async () => {
  await using world = await startWorld();
  const limits = () =>
    new Set(world.sandbox.control.requests({ path: '*/62*/insights' }).map(({ parameters }) => parameters['limit']));
  await world.run({ accountIds: [first(world)], insights: short }, insightsOnly);
  expect(limits()).toEqual(new Set(['500']));
  world.sandbox.control.clearRequests();
  await world.run({ accountIds: [first(world)], insights: short, reports: { pageSize: 100 } }, insightsOnly);
  expect(limits()).toEqual(new Set(['100']));
});

test('attribution windows are sent only with a report that has actions', async () => {
  await using world = await startWorld();
  await world.run({ accountIds: [first(world)], insights: short }, insightsOnly);
  for (const { parameters } of submissions(world)) {
    const fields = (parameters['fields'] ?? '').split(',');
    expect(parameters['action_attribution_windows'] !== undefined).toBe(fields.includes('actions'));
    expect(fields).toEqual(expect.arrayContaining(['account_id', 'campaign_id', 'adset_id', 'ad_id', 'ad_name']));
  }
});

test('a breakdown is asked for as a breakdown only, also when the report is divided', async () => {
  await using world = await startWorld({ facebook: { limits: { reportDataPoints: 3000 } } });
  const insights = { ...short, historyDays: 1, breakdowns: ['country'] };
  expect((await world.run({ accountIds: [first(world)], insights }, insightsOnly)).failures).toEqual([]);
  expect(submissions(world).some(({ status }) => status === 400)).toBe(true);
  for (const { parameters } of submissions(world)) {
    expect(parameters['breakdowns']).toBe('country');
    expect(parameters['fields']?.split(',')).not.toContain('country');
    expect(parameters['filtering']).toContain('ad.effective_status');
  }
});

function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);
}
