import { losslessText } from '@etl/core/http';
import type { Fetch } from '@etl/core/http';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entityRows } from '../src/entity-row.ts';
import { adCreativeSchema, adSetSchema, campaignSchema } from '../src/entity-schemas.ts';
import { exactJson } from '../src/exact-json.ts';
import { batchedAnswers } from '../src/graph-batch.ts';
import { startWorld } from './world.ts';

const TAGS = { account_id: '1', managing_system: 'd1', _last_seen_at: new Date('2026-03-10T12:00:00Z') };
const ID = '9007199254740993';
const RADIUS = '12.34567890123456789012';

describe('what the platform writes', () => {
  test.each([
    ID,
    `-${ID}`,
    '12345678901234567890123',
    RADIUS,
    '-0.1000000000000000055511151231257827',
    '1.5',
    '0',
    `{"id":${ID},"geo":[{"radius":${RADIUS},"key":"${ID}"},null,true]}`,
    `"${RADIUS}"`,
  ])('%s is written again as it was', (text) => {
    expect(losslessText(exactJson(text))).toBe(text);
  });

  test('is what JSON.parse makes of it where a double holds every number', () => {
    const value = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.integer(),
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('tree')),
        fc.dictionary(fc.string(), tie('tree')),
      ),
    })).tree;
    fc.assert(
      fc.property(value, (tree) => {
        const text = JSON.stringify(tree);
        expect(exactJson(text)).toEqual(JSON.parse(text));
        expect(losslessText(exactJson(text))).toBe(text);
      }),
    );
  });

  test('keeps each digit of any number, in a tree as in a batch', () => {
    const digits = fc.bigInt(1n, 10n ** 40n).map(String);
    const number = fc.oneof(
      digits,
      fc.tuple(digits, digits).map(([whole, fraction]) => `${whole}.${fraction}1`),
    );
    fc.assert(
      fc.property(number, (text) => {
        const body = `{"id":"1","tree":{"number":${text}}}`;
        expect(losslessText(exactJson(body))).toBe(body);
        const [answer] = batchedAnswers([{ code: 200, body }], ['v25.0/1']);
        expect(losslessText(answer?.answer)).toBe(body);
      }),
    );
  });

  test.each(['', '{', 'NaN', '{"a":1,}', '01'])('that is no JSON is refused: %s', (text) => {
    expect(() => exactJson(text)).toThrowError(expect.objectContaining({ code: 'JSON_MALFORMED' }));
  });
});

describe('a column of text', () => {
  test.each([
    ['an id beyond doubles', 'product_set_id', ID, ID],
    ['a decimal beyond doubles', 'product_set_id', RADIUS, RADIUS],
    ['a list of ids', 'url_tags', `[${ID},"x"]`, `[${ID},"x"]`],
    ['a tree with an id', 'url_tags', `{"id":${ID},"radius":${RADIUS}}`, `{"id":${ID},"radius":${RADIUS}}`],
    ['a small number', 'product_set_id', '7', '7'],
    ['a text that looks like a number', 'product_set_id', `"${ID}"`, ID],
  ])('holds %s digit by digit', (_what, field, given, text) => {
    const row = entityRows(adCreativeSchema)({ id: '1', [field]: exactJson(given) }, TAGS);
    expect(row[field]).toBe(text);
  });

  test('holds ids of all kinds', () => {
    const row = entityRows(adSetSchema)({ id: exactJson(ID), campaign_id: exactJson(ID) }, TAGS);
    expect([row['id'], row['campaign_id']]).toEqual([ID, ID]);
  });

  test('and one of whole numbers holds those beyond doubles', () => {
    const row = entityRows(campaignSchema)({ id: '1', lifetime_budget: exactJson(ID) }, TAGS);
    expect(campaignSchema.parse(row)).toMatchObject({ lifetime_budget: ID });
  });
});

type Given = Record<string, unknown>;

/** Gives the objects of a list other values, on their way, in its pages and in batches. */
function rewriting(edge: string, values: Readonly<Record<string, string>>): Fetch {
  const changed = (given: Given): Given => {
    const pairs = Object.entries(values).map(([field, text]) => [field, exactJson(text)]);
    return { ...given, ...Object.fromEntries(pairs) };
  };
  return async (input, init) => {
    const response = await fetch(input, init);
    const { pathname } = new URL(input instanceof Request ? input.url : String(input));
    const isBatch = /\/v25\.0\/?$/.test(pathname);
    if (!isBatch && !pathname.endsWith(`/${edge}`)) return response;
    const given = (await response.json()) as { data: Given[] } | { body: string }[];
    const answer = Array.isArray(given)
      ? given.map((part) => ({ ...part, body: losslessText(changed(JSON.parse(part.body) as Given)) }))
      : { ...given, data: given.data.map(changed) };
    return new Response(losslessText(answer), {
      status: response.status,
      headers: { 'content-type': 'application/json' },
    });
  };
}

describe('a table', () => {
  const tree = `{"page_id":${ID},"link_data":{"radius":${RADIUS}}}`;

  test('has numbers of trees as numbers, with every digit', async () => {
    await using world = await startWorld();
    const [accountId = ''] = world.accountIds;
    const options = { accountIds: [accountId], fetch: rewriting('adsets', { targeting: tree, name: ID }) };
    expect((await world.run(options, { streams: ['ad_sets'] })).failures).toEqual([]);
    const rows = world.store.rows('ad_sets');
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect([row['targeting'], row['name']]).toEqual([tree, ID]);
  });

  test('of creatives has the same, in pages, in batches, and of what is taken from it', async () => {
    await using world = await startWorld({ isLively: false });
    const [accountId = ''] = world.accountIds;
    const given = { object_story_spec: tree, url_tags: tree, product_set_id: ID };
    const options = { accountIds: [accountId], fetch: rewriting('adcreatives', given) };
    const creatives = { streams: ['ad_creatives'] };
    const all = () => world.store.rows('ad_creatives');
    const cells = () => all().map((row) => [row['id'], ...Object.keys(given).map((column) => row[column])]);
    expect((await world.run(options, creatives)).failures).toEqual([]);
    const [before, rows] = [cells(), all()];
    expect(before.length).toBeGreaterThan(3);
    for (const [, ...values] of before) expect(values).toEqual([tree, tree, ID]);
    const [changed] = world.sandbox.world.creatives(accountId);
    world.sandbox.control.change({ id: changed?.id ?? '', name: 'Another' });
    world.sandbox.control.clearRequests();
    expect((await world.run(options, creatives)).failures).toEqual([]);
    // One was read in a batch; the others are those of the table, and none was taken for changed.
    expect(world.sandbox.control.requests().filter(({ isBatched }) => isBatched)).toHaveLength(1);
    expect(cells()).toEqual(before);
    expect(all().filter((row, index) => row['_fingerprint'] !== rows[index]?.['_fingerprint'])).toHaveLength(1);
  });
});
