import { expect, test } from 'vitest';
import { startWorld } from './world.ts';

const structure = { streams: ['campaigns', 'ad_sets', 'ads', 'ad_creatives'] };

test('loads every object that the platform lists, archived ones included', async () => {
  await using world = await startWorld();
  const report = await world.run({ structurePageSize: 7, creatives: { pageSize: 7 } }, structure);
  expect(report.failures).toEqual([]);
  const { sandbox, store, accountIds } = world;
  const live = (objects: readonly { id: string; effectiveStatus: string }[]) =>
    objects.filter(({ effectiveStatus }) => effectiveStatus !== 'DELETED').map(({ id }) => id);
  const ids = (stream: string) =>
    store
      .rows(stream)
      .map((row) => String(row['id']))
      .sort();
  expect(ids('campaigns')).toEqual(accountIds.flatMap((id) => live(sandbox.world.campaigns(id))).sort());
  expect(ids('ad_sets')).toEqual(accountIds.flatMap((id) => live(sandbox.world.adSets(id))).sort());
  expect(ids('ads')).toEqual(accountIds.flatMap((id) => live(sandbox.world.ads(id))).sort());
  expect(ids('ad_creatives').length).toBeGreaterThan(0);
  const [ad] = store.rows('ads');
  expect(ad?.['creative__id']).toMatch(/^\d+$/);
  expect(JSON.parse(String(ad?.['targeting']))).toHaveProperty('geo_locations');
});

test('keeps what the platform lists no more, with the time it was seen last', async () => {
  await using world = await startWorld();
  const [accountId = ''] = world.accountIds;
  const options = { accountIds: [accountId] };
  await world.run(options, structure);
  const gone = world.sandbox.world.ads(accountId).find(({ effectiveStatus }) => effectiveStatus === 'ACTIVE');
  world.sandbox.control.change({ id: gone?.id ?? '', status: 'DELETED' });
  world.sandbox.control.advance({ minutes: 1 });
  await world.run(options, structure);
  const seen = new Map(world.store.rows('ads').map((row) => [row['id'], Number(row['_last_seen_at'])]));
  expect(seen.get(gone?.id)).toBeLessThan(Math.max(...seen.values()));
});

test('halves pages that are too much, and begins the next run with what was learned', async () => {
  await using world = await startWorld({ facebook: { limits: { listWeight: 700 } } });
  const [accountId = ''] = world.accountIds;
  const options = { accountIds: [accountId] };
  expect((await world.run(options, structure)).failures).toEqual([]);
  const refusals = () => world.sandbox.control.requests().filter(({ status }) => status === 500).length;
  const learned = refusals();
  expect(learned).toBeGreaterThan(0);
  expect((await world.run(options, structure)).failures).toEqual([]);
  expect(refusals()).toBe(learned);
});

test('names all problems of a group at once', async () => {
  await using world = await startWorld();
  const [allowed = '', ...refused] = world.accountIds;
  const token = world.sandbox.facebook.issueToken({ accountIds: [allowed] });
  const error: unknown = await world
    .source({ token })
    .check()
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'FACEBOOK_CHECK_FAILED', kind: 'permission' });
  expect((error as { cause: AggregateError }).cause.errors).toHaveLength(refused.length);
  await expect(world.source().check()).resolves.toBeUndefined();
  world.sandbox.facebook.revokeToken(token);
  await expect(world.source({ token }).check()).rejects.toMatchObject({ code: 'FACEBOOK_TOKEN_INVALID' });
});

test('refuses a next page on another host', async () => {
  await using world = await startWorld();
  const [accountId = ''] = world.accountIds;
  world.sandbox.control.fault({
    kind: 'status',
    status: 200,
    body: JSON.stringify({ data: [{ id: '1' }], paging: { next: 'https://elsewhere.example/next?after=x' } }),
    match: { path: '*/campaigns' },
  });
  const report = await world.run({ accountIds: [accountId] }, { streams: ['campaigns'] });
  expect(report.failures[0]?.error.code).toBe('HTTP_HOST_REFUSED');
});
