import { expect, test } from 'vitest';
import { startWorld, type World } from './world.ts';

const creativesOnly = { streams: ['ad_creatives'] };

interface Asked {
  /** Pages with all fields, pages with light fields, and creatives that were read one by one. */
  readonly full: number;
  readonly light: number;
  readonly single: number;
}

function asked({ sandbox }: World): Asked {
  const log = sandbox.control.requests();
  const pages = log.filter(({ path }) => path.endsWith('/adcreatives'));
  const full = pages.filter(({ parameters }) => parameters['fields']?.includes('object_story_spec')).length;
  const single = log.filter(
    ({ isBatched, parameters }) => isBatched && parameters['fields']?.includes('object_story_spec'),
  );
  sandbox.control.clearRequests();
  return { full, light: pages.length - full, single: single.length };
}

function live(world: World, accountId: string): string[] {
  const creatives = world.sandbox.world
    .creatives(accountId)
    .filter(({ effectiveStatus }) => effectiveStatus !== 'DELETED');
  return creatives.map(({ id }) => id);
}

function one(world: World): { readonly accountId: string; readonly options: { accountIds: string[] } } {
  const accountId = world.accountIds[0] ?? '';
  return { accountId, options: { accountIds: [accountId] } };
}

async function run(world: World, options: Parameters<World['run']>[0]): Promise<void> {
  expect((await world.run(options, creativesOnly)).failures).toEqual([]);
}

test('an empty table forces a full reading, a full one only a light one', async () => {
  await using world = await startWorld();
  const { options, accountId } = one(world);
  await run(world, options);
  expect(asked(world)).toEqual({ full: 1, light: 1, single: 0 });
  const before = world.store.rows('ad_creatives');
  expect(before).toHaveLength(live(world, accountId).length);
  world.sandbox.control.advance({ minutes: 10 });
  await run(world, options);
  expect(asked(world)).toEqual({ full: 0, light: 1, single: 0 });
  const after = world.store.rows('ad_creatives');
  const values = (rows: typeof before) => rows.map(({ _last_seen_at, ...row }) => row);
  expect(values(after)).toEqual(values(before));
  // All of them were listed, so all of them were seen.
  expect(new Set(after.map((row) => String(row['_last_seen_at']))).size).toBe(1);
  expect(after[0]?.['_last_seen_at']).not.toEqual(before[0]?.['_last_seen_at']);
});

test('reads what has changed or is new, and nothing else', async () => {
  await using world = await startWorld();
  const { options, accountId } = one(world);
  await run(world, options);
  const [renamed = '', paused = ''] = live(world, accountId);
  world.sandbox.control.change({ id: renamed, name: 'Summer' });
  world.sandbox.control.change({ id: paused, status: 'PAUSED' });
  asked(world);
  await run(world, options);
  const { single, full } = asked(world);
  expect(full).toBe(0);
  expect(single).toBeGreaterThanOrEqual(1);
  expect(single).toBeLessThanOrEqual(2);
  expect(world.store.rows('ad_creatives').find(({ id }) => id === renamed)?.['name']).toBe('Summer');
});

test('what is not listed any more stays, with the time at which it was seen last', async () => {
  await using world = await startWorld();
  const { options, accountId } = one(world);
  await run(world, options);
  const [gone = ''] = live(world, accountId);
  world.sandbox.control.change({ id: gone, status: 'DELETED' });
  world.sandbox.control.advance({ hours: 1 });
  await run(world, options);
  const seen = new Map(world.store.rows('ad_creatives').map((row) => [row['id'], String(row['_last_seen_at'])]));
  expect(seen.has(gone)).toBe(true);
  expect(new Set(seen.values()).size).toBe(2);
});

test('reads each creative in full again after a week', async () => {
  await using world = await startWorld({ isLively: false });
  const { options } = one(world);
  await run(world, options);
  world.sandbox.control.advance({ days: 6 });
  asked(world);
  await run(world, options);
  expect(asked(world).full).toBe(0);
  world.sandbox.control.advance({ days: 1 });
  await run(world, options);
  expect(asked(world).full).toBe(1);
  expect(new Set(world.store.rows('ad_creatives').map((row) => String(row['_read_on']))).size).toBe(1);
});

test('incremental never does, full always does', async () => {
  await using world = await startWorld({ isLively: false });
  const { options } = one(world);
  await run(world, options);
  world.sandbox.control.advance({ days: 30 });
  asked(world);
  await run(world, { ...options, creatives: { refresh: 'incremental' } });
  expect(asked(world).full).toBe(0);
  await run(world, { ...options, creatives: { refresh: 'full' } });
  expect(asked(world)).toMatchObject({ full: 1, light: 0 });
});

test('an invalid mode fails before anything is asked', async () => {
  await using world = await startWorld();
  const options = { creatives: { refresh: 'sometimes' as 'auto' } };
  expect(() => world.source(options)).toThrowError(
    expect.objectContaining({ code: 'FACEBOOK_OPTIONS_INVALID', kind: 'config' }),
  );
  expect(world.sandbox.control.requests()).toEqual([]);
});

test('accounts have a state of their own', async () => {
  await using world = await startWorld();
  const [known = '', other = ''] = world.accountIds;
  await run(world, { accountIds: [known] });
  asked(world);
  await run(world, { accountIds: [known, other] });
  const full = world.sandbox.control.requests();
  expect(full).toEqual(expect.arrayContaining([expect.objectContaining({ path: `/v25.0/act_${other}/adcreatives` })]));
  const heavy = full.filter(
    ({ path, parameters }) => path.endsWith('/adcreatives') && parameters['fields']?.includes('object_story_spec'),
  );
  expect(heavy.map(({ path }) => path)).toEqual([`/v25.0/act_${other}/adcreatives`]);
});

test('a full reading that was cut short is a full one the next time', async () => {
  await using world = await startWorld();
  const { options, accountId } = one(world);
  world.sandbox.control.fault({
    kind: 'graph-error',
    code: 200,
    after: 2,
    times: 100,
    match: { path: '*/adcreatives' },
  });
  const report = await world.run({ ...options, creatives: { pageSize: 5 } }, creativesOnly);
  expect(report.status).toBe('failed');
  expect(world.store.rows('ad_creatives')).toEqual([]);
  world.sandbox.control.clearFaults();
  asked(world);
  await run(world, options);
  expect(asked(world).full).toBe(1);
  expect(world.store.rows('ad_creatives')).toHaveLength(live(world, accountId).length);
});

test('a batch that stays unanswered keeps the fingerprints as they are', async () => {
  await using world = await startWorld();
  const { options, accountId } = one(world);
  await run(world, options);
  const before = world.store.rows('ad_creatives');
  const [changed = ''] = live(world, accountId);
  world.sandbox.control.change({ id: changed, name: 'Winter' });
  world.sandbox.control.fault({ kind: 'batch-timeout', times: 3 });
  const report = await world.run(options, creativesOnly);
  expect(report.failures[0]?.error).toMatchObject({ code: 'FACEBOOK_BATCH_INCOMPLETE', kind: 'transient' });
  expect(world.store.rows('ad_creatives')).toEqual(before);
  await run(world, options);
  expect(world.store.rows('ad_creatives').find(({ id }) => id === changed)?.['name']).toBe('Winter');
});

test('what a batch leaves out is asked for again', async () => {
  await using world = await startWorld();
  const { options, accountId } = one(world);
  await run(world, options);
  const [changed = ''] = live(world, accountId);
  world.sandbox.control.change({ id: changed, name: 'Spring' });
  world.sandbox.control.fault({ kind: 'batch-timeout', times: 1 });
  await run(world, options);
  expect(world.store.rows('ad_creatives').find(({ id }) => id === changed)?.['name']).toBe('Spring');
});

test('250 are halved to 125 when the platform says that it is too much, and a page that was read is not read again', async () => {
  await using world = await startWorld({ size: { campaignsPerAccount: 10, adSetsPerCampaign: 4, adsPerAdSet: 10 } });
  const { options, accountId } = one(world);
  world.sandbox.control.fault({ kind: 'too-much-data', form: 'reduce', after: 2, match: { path: '*/adcreatives' } });
  await run(world, { ...options, creatives: { refresh: 'full' } });
  const pages = world.sandbox.control.requests({ path: '*/adcreatives' });
  expect(pages.map(({ parameters }) => Number(parameters['limit']))).toEqual([
    250,
    250,
    250,
    ...pages.slice(3).map(() => 125),
  ]);
  const cursors = pages.filter(({ status }) => status === 200).map(({ parameters }) => parameters['after']);
  expect(new Set(cursors).size).toBe(cursors.length);
  expect(world.store.rows('ad_creatives')).toHaveLength(live(world, accountId).length);
  // The next run begins with what was learned.
  world.sandbox.control.clearRequests();
  await run(world, { ...options, creatives: { refresh: 'full' } });
  expect(world.sandbox.control.requests({ path: '*/adcreatives' })[0]?.parameters['limit']).toBe('125');
});

test('without a destination to look into, everything is read in full', async () => {
  await using world = await startWorld();
  const { options, accountId } = one(world);
  let rows = 0;
  for await (const message of world.source(options).read({ streams: ['ad_creatives'] })) {
    if (message.type === 'records') rows += message.rows.length;
  }
  expect(rows).toBe(live(world, accountId).length);
  expect(asked(world)).toEqual({ full: 1, light: 0, single: 0 });
});

test('names the Instagram account of a creative by the field that the platform has for it', async () => {
  await using world = await startWorld();
  const { options } = one(world);
  await run(world, options);
  const rows = world.store.rows('ad_creatives');
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) {
    expect(row['instagram_user_id']).toMatch(/^\d{18}$/);
    expect(row).not.toHaveProperty('instagram_actor_id');
  }
  const asked = world.sandbox.control.requests({ path: '*/adcreatives' }).map(({ parameters }) => parameters['fields']);
  expect(asked.every((fields) => fields?.includes('instagram_user_id'))).toBe(true);
});

test('an account whose creatives are refused a field fails by name, and changes nothing', async () => {
  await using world = await startWorld();
  const { options } = one(world);
  await run(world, options);
  const before = world.store.rows('ad_creatives');
  world.sandbox.control.fault({
    kind: 'graph-error',
    code: 100,
    status: 400,
    message: '(#100) Tried accessing nonexisting field (url_tags) on node type (AdCreative)',
    times: 100,
    match: { path: '*/adcreatives' },
  });
  const report = await world.run(options, creativesOnly);
  expect(report.failures.map(({ error }) => [error.code, error.kind])).toEqual([
    ['FACEBOOK_REQUEST_REJECTED', 'config'],
  ]);
  expect(report.failures[0]?.error.message).toContain('url_tags');
  expect(world.store.rows('ad_creatives')).toEqual(before);
});
