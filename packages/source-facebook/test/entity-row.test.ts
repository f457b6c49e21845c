import { describe, expect, test } from 'vitest';
import type { RowSchema } from '@etl/core';
import { entityFields, entityRows } from '../src/entity-row.ts';
import { adCreativeSchema, adSchema, adSetSchema, campaignSchema } from '../src/entity-schemas.ts';
import { startWorld, type World } from './world.ts';

const TAGS = { account_id: '1', managing_system: 'd1', _last_seen_at: new Date('2026-03-10T12:00:00Z') };

function column(schema: RowSchema, field: string, value: unknown): unknown {
  return entityRows(schema)({ [field]: value }, TAGS)[field];
}

describe('a column of an object', () => {
  test.each<[string, RowSchema, string, unknown, unknown]>([
    ['an instant', campaignSchema, 'updated_time', '2026-03-01T09:00:00+0000', '2026-03-01T09:00:00+00:00'],
    ['an instant west of us', campaignSchema, 'start_time', '2026-03-01T09:00:00-0800', '2026-03-01T09:00:00-08:00'],
    [
      'an instant of half an hour',
      campaignSchema,
      'stop_time',
      '2026-03-01T09:00:00+0530',
      '2026-03-01T09:00:00+05:30',
    ],
    [
      'an instant that is written out',
      campaignSchema,
      'created_time',
      '2026-03-01T09:00:00+00:00',
      '2026-03-01T09:00:00+00:00',
    ],
    ['no instant', campaignSchema, 'stop_time', undefined, null],
    ['a budget of text', campaignSchema, 'daily_budget', '50000', '50000'],
    ['a budget of a number', campaignSchema, 'daily_budget', 50_000, '50000'],
    ['a budget beyond doubles', campaignSchema, 'lifetime_budget', '9007199254740993', '9007199254740993'],
    ['no budget', campaignSchema, 'lifetime_budget', null, null],
    ['a budget of nothing', adSetSchema, 'lifetime_budget', '0', '0'],
    ['a bid', adSetSchema, 'bid_amount', 150, '150'],
    [
      'a tree',
      adSetSchema,
      'targeting',
      { geo_locations: { countries: ['US'] } },
      { geo_locations: { countries: ['US'] } },
    ],
    ['an empty tree', adSetSchema, 'targeting', {}, {}],
    ['no tree', adSetSchema, 'promoted_object', undefined, null],
    ['a list of trees', adSchema, 'tracking_specs', [{ 'action.type': ['x'] }], [{ 'action.type': ['x'] }]],
    ['a name', adSchema, 'name', 'Ad “one” ✨', 'Ad “one” ✨'],
    ['an empty name', adSchema, 'name', '', ''],
    ['a status', adSchema, 'effective_status', 'ADSET_PAUSED', 'ADSET_PAUSED'],
    ['the creative of an ad', adSchema, 'creative', { id: '77', name: 'x' }, { id: '77' }],
    ['no creative', adSchema, 'creative', undefined, { id: null }],
    ['a text that came as a tree', adCreativeSchema, 'url_tags', { utm: 'x' }, '{"utm":"x"}'],
    ['an id of text', adCreativeSchema, 'product_set_id', '330000000000000009', '330000000000000009'],
  ])('%s', (_what, schema, field, given, value) => {
    expect(column(schema, field, given)).toEqual(value);
  });

  test('that the platform did not send is NULL, and never the one of another row', () => {
    const rowOf = entityRows(adSetSchema);
    const full = rowOf({ id: '1', name: 'One', bid_amount: '5', targeting: { a: 1 } }, TAGS);
    const empty = rowOf({ id: '2' }, TAGS);
    expect(full).toMatchObject({ bid_amount: '5', targeting: { a: 1 } });
    for (const field of entityFields(adSetSchema)) expect(empty[field]).toBe(field === 'id' ? '2' : null);
  });

  test('that nobody asked for is not there', () => {
    const row = entityRows(campaignSchema)({ id: '1', wealth: 'much', account_id: 'of the platform' }, TAGS);
    expect(row).not.toHaveProperty('wealth');
    // Whose it is says the configuration.
    expect(row['account_id']).toBe('1');
  });

  test.each<[string, RowSchema]>([
    ['campaigns', campaignSchema],
    ['ad sets', adSetSchema],
    ['ads', adSchema],
  ])('of %s: all are there, in the order of the table', (_name, schema) => {
    const row = entityRows(schema)({ id: '1' }, TAGS);
    expect(Object.keys(row).toSorted()).toEqual(Object.keys(schema.shape).toSorted());
    expect(schema.safeParse(row).success).toBe(true);
  });

  test('with a budget that is no whole number is refused by name', () => {
    const row = entityRows(campaignSchema)({ id: '1', daily_budget: '12.5' }, TAGS);
    expect(campaignSchema.safeParse(row).error?.issues[0]?.path).toEqual(['daily_budget']);
  });
});

interface StreamCase {
  readonly stream: string;
  readonly kind: 'campaigns' | 'adSets' | 'ads' | 'creatives';
  readonly schema: RowSchema;
}
const STREAMS: readonly StreamCase[] = [
  { stream: 'campaigns', kind: 'campaigns', schema: campaignSchema },
  { stream: 'ad_sets', kind: 'adSets', schema: adSetSchema },
  { stream: 'ads', kind: 'ads', schema: adSchema },
  { stream: 'ad_creatives', kind: 'creatives', schema: adCreativeSchema },
];

/** What the platform lists of an account. */
function listed({ sandbox }: World, kind: StreamCase['kind'], accountId: string): readonly string[] {
  const objects: readonly { readonly id: string; readonly effectiveStatus: string }[] = sandbox.world[kind](accountId);
  return objects.filter(({ effectiveStatus }) => effectiveStatus !== 'DELETED').map(({ id }) => id);
}

/** An object as the platform answers it by its id. */
async function byId(
  { sandbox }: World,
  id: string,
  fields: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  const query = new URLSearchParams({ fields: fields.join(','), access_token: sandbox.facebook.token });
  const response = await fetch(`${sandbox.facebook.baseUrl}/v25.0/${id}?${query.toString()}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Readonly<Record<string, unknown>>;
}

/** A value as the memory of the tests holds it, compared with the platform's own. */
function comparable(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === 'object') return JSON.stringify(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const instant = /^\d{4}-\d\d-\d\dT/.test(text)
    ? Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'))
    : Number.NaN;
  return Number.isNaN(instant) ? text : instant;
}

describe.each(STREAMS)('the table of $stream', ({ stream, kind, schema }) => {
  test('has of every object what the platform answers by its id, field by field', async () => {
    await using world = await startWorld({ seed: `rows of ${stream}`, isLively: false });
    const accountIds = world.accountIds.slice(0, 2);
    expect((await world.run({ accountIds }, { streams: [stream] })).failures).toEqual([]);
    const rows = world.store.rows(stream);
    const live = accountIds.flatMap((id) => listed(world, kind, id));
    expect(rows).toHaveLength(live.length);
    const fields = entityFields(schema);
    for (const row of rows.filter((_, index) => index % 4 === 0)) {
      const given = await byId(world, String(row['id']), fields);
      for (const field of fields) {
        if (field === 'creative') {
          expect(row['creative__id']).toBe((given['creative'] as { id: string }).id);
          continue;
        }
        expect([field, comparable(row[field])]).toEqual([field, comparable(given[field])]);
      }
    }
  });

  test('says whose an object is, and when it was seen', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    await world.run({ accountIds: [accountId], managingSystem: 'd7' }, { streams: [stream] });
    const rows = world.store.rows(stream);
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row).toMatchObject({ account_id: accountId, managing_system: 'd7' });
      expect(new Date(String(row['_last_seen_at'])).toISOString().slice(0, 16)).toBe(
        world.sandbox.control.now().slice(0, 16),
      );
    }
  });

  test('has each object once, however small the pages are and whatever moves between them', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    const options = { accountIds: [accountId], structurePageSize: 2, creatives: { pageSize: 2 } };
    world.sandbox.control.fault({
      kind: 'short-page',
      times: 3,
      match: { path: `*/${stream === 'ad_sets' ? 'adsets' : stream.replace('ad_creatives', 'adcreatives')}` },
    });
    expect((await world.run(options, { streams: [stream] })).failures).toEqual([]);
    const ids = world.store.rows(stream).map(({ id }) => String(id));
    expect(ids.toSorted()).toEqual(listed(world, kind, accountId).toSorted());
  });

  test('of an account without any is empty, and no failure', async () => {
    await using world = await startWorld();
    const empty = world.accountIds.find((id) => world.sandbox.world[kind](id).length === 0) ?? '';
    const report = await world.run({ accountIds: [empty] }, { streams: [stream] });
    expect(report.failures).toEqual([]);
    expect(world.store.rows(stream)).toEqual([]);
  });

  test('keeps what was read when the account cannot be read any more', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    const options = { accountIds: [accountId] };
    await world.run(options, { streams: [stream] });
    const before = world.store.rows(stream);
    world.sandbox.control.fault({
      kind: 'graph-error',
      code: 200,
      status: 403,
      times: 100,
      match: { path: `*/act_${accountId}/*` },
    });
    const report = await world.run(options, { streams: [stream] });
    expect(report.failures.map(({ error }) => error.kind)).toEqual(['permission']);
    expect(world.store.rows(stream)).toEqual(before);
  });
});
