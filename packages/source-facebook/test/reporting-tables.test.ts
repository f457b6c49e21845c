import { runPipeline, type PipelineEvent } from '@etl/core';
import { loggerInto, memoryDestination } from '@etl/testing';
import { describe, expect, test } from 'vitest';
import { productOf } from '../src/exact-arithmetic.ts';
import { dayBefore } from './insight-table.ts';
import { DAYS, rateOn, stamps, STAMPS, startReportingWorld } from './reporting-world.ts';

// Tables beside insights, and the check, with amounts restated: through the real SDK, against the sandbox.

describe('budgets and bids', () => {
  const AMOUNTS = {
    campaigns: ['daily_budget', 'lifetime_budget'],
    ad_sets: ['daily_budget', 'lifetime_budget', 'bid_amount'],
  };

  test('are restated by the rate of today, whole, with what they were beside them', async () => {
    await using plain = await startReportingWorld();
    await using world = await startReportingWorld();
    const structure = { streams: ['campaigns', 'ad_sets'] };
    await plain.run({ ...plain.reporting, reportingCurrency: undefined }, structure);
    let restated = 0;
    // A Tuesday before its rates are published, the evening of it, and the Saturday after.
    for (const now of ['2026-03-31T12:00:00Z', '2026-03-31T16:00:00Z', '2026-04-04T12:00:00Z']) {
      if (now > world.sandbox.control.now()) world.sandbox.control.advanceTo(now);
      expect((await world.run(world.reporting, structure)).failures).toEqual([]);
      const today = now.slice(0, 10);
      const { rate, of } = rateOn(world, today);
      for (const [stream, columns] of Object.entries(AMOUNTS)) {
        const given = new Map(plain.store.rows(stream).map((row) => [row['id'], row]));
        for (const row of world.store.rows(stream).filter((one) => one['account_id'] === world.pounds)) {
          for (const column of columns) {
            const source = (given.get(row['id'])?.[column] ?? null) as string | null;
            expect(row[`${column}_source`]).toEqual(source);
            expect(row[column]).toEqual(source === null ? null : productOf(source, rate, 0));
            if (source !== null) restated += 1;
          }
          expect(stamps(row)).toMatchObject({
            source_currency: 'GBP',
            fx_rate_to_aed: rate,
            fx_requested_date: today,
            fx_effective_date: of,
          });
        }
      }
    }
    expect(restated).toBeGreaterThan(10);
  });

  test('have the rate of the moment in every run of a source, also in runs of them alone', async () => {
    await using world = await startReportingWorld({ now: new Date('2026-03-31T12:00:00Z') });
    const source = world.source({ ...world.reporting, accountIds: [world.pounds] });
    const run = () =>
      runPipeline({
        name: 'facebook_d1',
        source,
        destination: memoryDestination(world.store),
        now: () => new Date(world.sandbox.control.now()),
        streams: ['campaigns', 'ad_sets'],
      });
    const rates = (): Set<unknown> =>
      new Set(
        ['campaigns', 'ad_sets'].flatMap((stream) => world.store.rows(stream).map((row) => row['fx_rate_to_aed'])),
      );
    await run();
    expect(rates()).toEqual(new Set([rateOn(world, '2026-03-30').rate]));
    world.sandbox.control.advance({ hours: 4 });
    await run();
    expect(rates()).toEqual(new Set([rateOn(world, '2026-03-31').rate]));
    expect(world.askedOfBank()).toHaveLength(2);
  });

  test('of other streams there are none', async () => {
    await using world = await startReportingWorld();
    const columns = new Map(
      (await world.source(world.reporting).discover()).map(({ name, columns: all }) => [name, all]),
    );
    for (const stream of ['ads', 'ad_creatives']) {
      expect(columns.get(stream)?.some(({ name }) => STAMPS.includes(name) || name.endsWith('_source'))).toBe(false);
    }
  });
});

describe('fx_daily_rates', () => {
  test('has the rates by which rows were restated, with what they are made of', async () => {
    await using world = await startReportingWorld();
    expect((await world.run(world.reporting)).failures).toEqual([]);
    const rows = world.store.rows('fx_daily_rates');
    const used = new Map<unknown, Readonly<Record<string, unknown>>>(
      ['insights', 'campaigns', 'ad_sets']
        .flatMap((stream) => world.store.rows(stream))
        .filter((row) => row['source_currency'] === 'GBP')
        .map((row) => [row['fx_requested_date'], row]),
    );
    expect(new Set(rows.map((row) => row['requested_date']))).toEqual(new Set(used.keys()));
    expect(rows).toHaveLength(used.size);
    for (const row of rows) {
      const of = String(row['effective_date']);
      const stamped = used.get(row['requested_date']);
      expect(row).toEqual({
        source_currency: 'GBP',
        target_currency: 'AED',
        requested_date: stamped?.['fx_requested_date'],
        method_version: 'ecb-cross-1',
        effective_date: stamped?.['fx_effective_date'],
        rate: stamped?.['fx_rate_to_aed'],
        rate_status: stamped?.['fx_rate_status'],
        usd_per_eur: world.sandbox.ecb.ratesOf(of)?.USD,
        gbp_per_eur: world.sandbox.ecb.ratesOf(of)?.GBP,
        aed_per_usd: '3.6725',
      });
    }
  });

  test('has a day once, as it is known now', async () => {
    await using world = await startReportingWorld();
    await world.run(world.reporting);
    const before = world.store.rows('fx_daily_rates');
    world.sandbox.control.advance({ hours: 4 });
    await world.run(world.reporting);
    const after = world.store.rows('fx_daily_rates');
    expect(after.map((row) => row['requested_date'])).toEqual(before.map((row) => row['requested_date']));
    const today = (rows: typeof after) => rows.find((row) => row['requested_date'] === '2026-03-31')?.['rate_status'];
    expect([today(before), today(after)]).toEqual(['provisional', 'exact']);
  });

  test('is written last, after the rows of its account', async () => {
    await using world = await startReportingWorld();
    const published: string[] = [];
    const onEvent = (event: PipelineEvent): void => {
      if (event.type === 'slice-published' && event.slice.includes(world.pounds)) published.push(event.stream);
    };
    await world.run(world.reporting, { onEvent });
    expect(published.at(-1)).toBe('fx_daily_rates');
    expect(published.indexOf('fx_daily_rates')).toBe(published.length - 1);
    expect(published.length).toBeGreaterThan(DAYS + 4);
  });

  test('is there only when amounts are restated', async () => {
    await using world = await startReportingWorld();
    const names = async (options: object): Promise<readonly string[]> =>
      (await world.source({ ...world.reporting, ...options }).discover()).map(({ name }) => name);
    const plain = ['insights', 'campaigns', 'ad_sets', 'ads', 'ad_creatives'];
    expect(await names({ reportingCurrency: undefined })).toEqual(plain);
    expect(await names({})).toEqual([...plain, 'fx_daily_rates']);
    const [stream] = (await world.source(world.reporting).discover()).slice(-1);
    expect(stream).toMatchObject({
      primaryKey: ['source_currency', 'target_currency', 'requested_date', 'method_version'],
      writeDisposition: 'merge',
    });
  });
});

describe('check', () => {
  test('asks the bank when an account needs it, and only then', async () => {
    await using world = await startReportingWorld();
    await world.source({ ...world.reporting, accountIds: [world.dirhams] }).check();
    expect(world.askedOfBank()).toEqual([]);
    await world.source(world.reporting).check();
    expect(world.askedOfBank()).toHaveLength(1);
    world.sandbox.control.fault({ kind: 'status', status: 404, times: 10, match: { platform: 'ecb' } });
    await expect(world.source(world.reporting).check()).rejects.toMatchObject({ code: 'FACEBOOK_RATES_UNAVAILABLE' });
    await world.source({ ...world.reporting, reportingCurrency: undefined }).check();
  });

  test('finds that the bank answers and has no rate that could be taken', async () => {
    const silent = Array.from({ length: 8 }, (_, index) => dayBefore('2026-03-31', index));
    await using world = await startReportingWorld({ ecb: { unpublished: silent } });
    await expect(world.source(world.reporting).check()).rejects.toMatchObject({
      code: 'FACEBOOK_RATE_MISSING',
      message: expect.stringContaining(world.pounds),
    });
    await world.source({ ...world.reporting, accountIds: [world.dirhams] }).check();
    // Five days are old, but they are taken.
    await using other = await startReportingWorld({ ecb: { unpublished: silent.slice(0, 5) } });
    const heard: unknown[] = [];
    await other.source(other.reporting).check({ logger: loggerInto(heard) });
    expect(JSON.stringify(heard)).toContain('exchange rate is old');
  });

  test('names the account that cannot be restated', async () => {
    await using world = await startReportingWorld({
      accounts: [
        { currency: 'GBP', timeZone: 'Europe/London' },
        { currency: 'JPY', timeZone: 'Asia/Tokyo' },
      ],
    });
    await expect(world.source(world.reporting).check()).rejects.toMatchObject({
      code: 'FACEBOOK_CURRENCY_UNSUPPORTED',
      message: expect.stringContaining('JPY'),
    });
  });
});
