import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { startWorld, type World } from './world.ts';

const creativesOnly = { streams: ['ad_creatives'] };
const SMALL = { campaignsPerAccount: 2, adSetsPerCampaign: 1, adsPerAdSet: 3 };

/** What the table has of an account: what can change of a creative, by its id. */
function table({ store }: World): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    store.rows('ad_creatives').map((row) => [String(row['id']), [row['name'], row['status'], row['url_tags']]]),
  );
}

/** What the platform lists, by the same. */
async function platform({ sandbox }: World, accountId: string): Promise<Readonly<Record<string, unknown>>> {
  const query = new URLSearchParams({
    fields: 'id,name,status,url_tags',
    limit: '500',
    access_token: sandbox.facebook.token,
  });
  const response = await fetch(`${sandbox.facebook.baseUrl}/v25.0/act_${accountId}/adcreatives?${query.toString()}`);
  const { data } = (await response.json()) as { data: readonly Readonly<Record<string, string | undefined>>[] };
  return Object.fromEntries(
    data.map(({ id = '', name, status, url_tags: tags }) => [id, [name ?? null, status ?? null, tags ?? null]]),
  );
}

type Step =
  | { readonly kind: 'rename'; readonly index: number; readonly name: string }
  | { readonly kind: 'status'; readonly index: number; readonly status: 'ACTIVE' | 'PAUSED' }
  | { readonly kind: 'wait'; readonly days: number }
  | { readonly kind: 'run'; readonly refresh: 'auto' | 'incremental' | 'full' };

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('rename' as const),
      index: fc.nat(20),
      name: fc.string({ minLength: 1, maxLength: 12 }),
    }),
    fc.record({
      kind: fc.constant('status' as const),
      index: fc.nat(20),
      status: fc.constantFrom('ACTIVE' as const, 'PAUSED' as const),
    }),
    fc.record({ kind: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 9 }) }),
    fc.record({
      kind: fc.constant('run' as const),
      refresh: fc.constantFrom('auto' as const, 'incremental' as const, 'full' as const),
    }),
  ),
  { minLength: 3, maxLength: 8 },
);

describe('whatever happens to creatives between runs', () => {
  test('the table is what the platform lists, by whichever way it was read', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (history: readonly Step[]) => {
        await using world = await startWorld({ seed: 'history', isLively: false, size: SMALL });
        const [accountId = ''] = world.accountIds;
        const { control } = world.sandbox;
        const ids = world.sandbox.world
          .creatives(accountId)
          .filter(({ effectiveStatus }) => effectiveStatus !== 'DELETED')
          .map(({ id }) => id);
        const run = async (refresh: 'auto' | 'incremental' | 'full'): Promise<void> => {
          const options = { accountIds: [accountId], creatives: { refresh } };
          expect((await world.run(options, creativesOnly)).failures).toEqual([]);
          expect(table(world)).toEqual(await platform(world, accountId));
        };
        await run('auto');
        for (const step of history) {
          const id = 'index' in step ? (ids[step.index % ids.length] ?? '') : '';
          if (step.kind === 'rename') control.change({ id, name: step.name });
          else if (step.kind === 'status') control.change({ id, status: step.status });
          else if (step.kind === 'wait') control.advance({ days: step.days });
          else await run(step.refresh);
        }
        await run('incremental');
      }),
      { numRuns: 5, seed: 14 },
    );
  });
});

describe('creatives that changed', () => {
  test.each([1, 2, 3, 50])('are read in batches of %i at most, each once', async (batchSize) => {
    await using world = await startWorld({ isLively: false });
    const [accountId = ''] = world.accountIds;
    const options = { accountIds: [accountId], creatives: { batchSize } };
    expect((await world.run(options, creativesOnly)).failures).toEqual([]);
    const changed = Object.keys(table(world)).slice(0, 4);
    for (const id of changed) world.sandbox.control.change({ id, name: `renamed ${id}` });
    world.sandbox.control.clearRequests();
    expect((await world.run(options, creativesOnly)).failures).toEqual([]);
    const log = world.sandbox.control.requests();
    const single = log.filter(
      ({ isBatched, parameters }) => isBatched && parameters['fields']?.includes('object_story_spec'),
    );
    expect(single.map(({ path }) => path.split('/').at(-1) ?? '').toSorted()).toEqual(changed.toSorted());
    expect(log.filter(({ parameters }) => parameters['batch'] !== undefined)).toHaveLength(Math.ceil(4 / batchSize));
    expect(table(world)).toEqual(await platform(world, accountId));
  });

  test('and were deleted before they could be read stay as they were seen last', async () => {
    await using world = await startWorld({ isLively: false });
    const [accountId = ''] = world.accountIds;
    const options = { accountIds: [accountId] };
    await world.run(options, creativesOnly);
    const [gone = ''] = Object.keys(table(world));
    const before = table(world)[gone];
    world.sandbox.control.change({ id: gone, name: 'never read' });
    world.sandbox.control.fault({
      kind: 'graph-error',
      code: 100,
      subcode: 33,
      status: 400,
      match: { path: `*/${gone}` },
    });
    expect((await world.run(options, creativesOnly)).failures).toEqual([]);
    expect(table(world)[gone]).toEqual(before);
    // It was not taken for read: the next run tries again.
    expect((await world.run(options, creativesOnly)).failures).toEqual([]);
    expect(table(world)[gone]).toEqual(['never read', ...(before as unknown[]).slice(1)]);
  });

  test('half of them or more are read in pages, which is less', async () => {
    await using world = await startWorld({ isLively: false });
    const [accountId = ''] = world.accountIds;
    const options = { accountIds: [accountId] };
    await world.run(options, creativesOnly);
    const ids = Object.keys(table(world));
    for (const id of ids.slice(0, Math.ceil(ids.length / 2)))
      world.sandbox.control.change({ id, name: `renamed ${id}` });
    world.sandbox.control.clearRequests();
    expect((await world.run(options, creativesOnly)).failures).toEqual([]);
    expect(world.sandbox.control.requests().filter(({ isBatched }) => isBatched)).toEqual([]);
    expect(table(world)).toEqual(await platform(world, accountId));
  });

  test.each([
    ['a token that expired', { kind: 'graph-error' as const, code: 190, subcode: 463, status: 400 }, 'auth'],
    ['a quota that is used up', { kind: 'rate-limit' as const, code: 80_004 as const, minutes: 20 }, 'rate-limit'],
    ['a right that was taken', { kind: 'graph-error' as const, code: 200, status: 403 }, 'permission'],
  ])('are not taken for read when one of them meets %s', async (_what, fault, kind) => {
    await using world = await startWorld({ isLively: false });
    const [accountId = ''] = world.accountIds;
    const options = { accountIds: [accountId] };
    await world.run(options, creativesOnly);
    const before = table(world);
    const [first = '', second = ''] = Object.keys(before);
    for (const id of [first, second]) world.sandbox.control.change({ id, name: `renamed ${id}` });
    world.sandbox.control.fault({ ...fault, match: { path: `*/${second}` } });
    const report = await world.run(options, creativesOnly);
    expect(report.failures.map(({ error }) => error.kind)).toEqual([kind]);
    expect(table(world)).toEqual(before);
    world.sandbox.control.clearFaults();
    world.sandbox.control.advance({ minutes: 40 });
    expect((await world.run(options, creativesOnly)).failures).toEqual([]);
    expect(table(world)).toEqual(await platform(world, accountId));
  });
});
