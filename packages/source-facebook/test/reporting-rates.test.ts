import { addDays, EtlError, type ReadRequest } from '@etl/core';
import { loggerInto } from '@etl/testing';
import { describe, expect, test } from 'vitest';
import { AdAccounts } from '../src/ad-accounts.ts';
import { EuroRatesClient } from '../src/euro-rates.ts';
import { isOld, ReportingRates } from '../src/reporting-rates.ts';
import { rejection, scriptedGraph, SteppedClock } from './scripted-graph.ts';

const TODAY = '2026-03-10';
const HOUR_MS = 3_600_000;
const CURRENCIES: Readonly<Record<string, string>> = { '1': 'GBP', '2': 'AED', '3': 'JPY', '4': 'GBP' };

interface Bank {
  readonly rates: ReportingRates;
  readonly clock: SteppedClock;
  /** First day of each request. */
  readonly asked: string[];
  /** Days that it has rates of. */
  days: string[];
  status: number;
  headers: Readonly<Record<string, string>>;
  /** How long it takes to answer. */
  takesMs: number;
}

/** Accounts in pounds, dirhams and yen, and a bank that does what the test says. */
function bank(days: readonly string[] = daysUntil(TODAY)): Bank {
  const { graph } = scriptedGraph(({ path }) => {
    const id = path.replace('act_', '');
    return { json: { account_id: id, currency: CURRENCIES[id], timezone_name: 'Asia/Dubai' } };
  });
  const clock = new SteppedClock(`${TODAY}T12:00:00Z`);
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (input) => {
    const { searchParams } = new URL(input instanceof Request ? input.url : String(input));
    const since = searchParams.get('startPeriod') ?? '';
    asked.push(since);
    clock.advance(own.takesMs);
    const rows = own.days.flatMap((day) =>
      day < since ? [] : [`EXR.D.USD.EUR.SP00.A,${day},1.1643`, `EXR.D.GBP.EUR.SP00.A,${day},0.8572`],
    );
    const body = `${['KEY,TIME_PERIOD,OBS_VALUE', ...rows].join('\n')}\n`;
    return new Response(own.status === 200 ? body : 'no', { status: own.status, headers: own.headers });
  };
  const client = new EuroRatesClient('https://rates.example', { fetch, clock, random: () => 0 });
  const rates = new ReportingRates(client, new AdAccounts(graph), clock);
  const own: Bank = { rates, clock, asked, days: [...days], status: 200, headers: {}, takesMs: 0 };
  return own;
}

function daysUntil(last: string, count = 200): string[] {
  return Array.from({ length: count }, (_, index) => addDays(last, -index));
}

function at(clock: SteppedClock, more: ReadRequest = {}): ReadRequest {
  return { now: new Date(clock.now()), ...more };
}

const failed = async (work: Promise<unknown>): Promise<string> => EtlError.from(await rejection(work)).code;

describe('which currencies', () => {
  test('dirhams ask the bank nothing, whatever day it is', async () => {
    const { rates, clock, asked } = bank([]);
    const own = await rates.of('2', '2020-01-01', at(clock));
    expect(own.rateOf('AED', '2020-01-01')).toMatchObject({ rate: '1', status: 'exact' });
    expect(asked).toEqual([]);
    expect(rates.used('2')).toEqual([]);
  });

  test('any other is refused by the name of its account, before the bank is asked', async () => {
    const { rates, clock, asked } = bank();
    expect(await rejection(rates.of('3', TODAY, at(clock)))).toMatchObject({
      code: 'FACEBOOK_CURRENCY_UNSUPPORTED',
      kind: 'config',
      message: expect.stringMatching(/ad account 3 is in JPY/),
      hint: expect.stringMatching(/^Leave out the reporting currency, .* AED or GBP/),
    });
    expect(asked).toEqual([]);
  });

  test.each([
    ['none', undefined, 'without its currency'],
    ['null', null, 'without its currency'],
    ['another', 'USD', 'in another currency'],
    ['dirhams', 'AED', 'in another currency'],
  ])('a row that says %s is not guessed', async (_what, given, says) => {
    const { rates, clock } = bank();
    const own = await rates.of('1', TODAY, at(clock));
    expect(() => own.rateOf(given, TODAY)).toThrowError(
      expect.objectContaining({
        code: 'FACEBOOK_CURRENCY_UNCERTAIN',
        kind: 'data',
        message: expect.stringMatching(new RegExp(`ad account 1 came ${says}`)),
        hint: expect.any(String),
      }),
    );
  });

  test('nor is one of an account in dirhams', async () => {
    const { rates, clock } = bank();
    const own = await rates.of('2', TODAY, at(clock));
    expect(() => own.rateOf('GBP', TODAY)).toThrowError(
      expect.objectContaining({ code: 'FACEBOOK_CURRENCY_UNCERTAIN' }),
    );
  });
});

describe('one request a run', () => {
  test('from seventy days before the first that is planned on, however many accounts and days there are', async () => {
    const { rates, clock, asked } = bank();
    rates.planned('insights', daysUntil(TODAY, 31), { isBackfill: false });
    await Promise.all(['1', '4', '2'].map((id) => rates.of(id, addDays(TODAY, -3), at(clock))));
    const first = await rates.of('1', addDays(TODAY, -30), at(clock));
    await rates.of('4', undefined, at(clock));
    expect(asked).toEqual([addDays(TODAY, -30 - 70)]);
    expect(first.rateOf('GBP', addDays(TODAY, -30))).toMatchObject({ rate: '4.9882078278', status: 'exact' });
  });

  test('without a plan from seventy days before the first that is needed', async () => {
    const { rates, clock, asked } = bank();
    await rates.of('1', '2026-02-01', at(clock));
    await rates.of('1', undefined, at(clock));
    expect(asked).toEqual([addDays('2026-02-01', -70)]);
  });

  test('a backfill of not much more has its rates already', async () => {
    const { rates, clock, asked } = bank();
    rates.planned('insights', daysUntil(TODAY, 31), { isBackfill: false });
    await rates.of('1', TODAY, at(clock));
    rates.planned('insights', daysUntil(TODAY, 91), { isBackfill: true });
    const own = await rates.of('1', addDays(TODAY, -90), at(clock));
    expect(own.rateOf('GBP', addDays(TODAY, -90)).status).toBe('exact');
    expect(asked).toHaveLength(1);
  });

  test('a backfill of a year asks once more, for all of its days', async () => {
    const { rates, clock, asked } = bank(daysUntil(TODAY, 500));
    rates.planned('insights', daysUntil(TODAY, 31), { isBackfill: false });
    await rates.of('1', TODAY, at(clock));
    rates.planned('insights', daysUntil(addDays(TODAY, -31), 365), { isBackfill: true });
    // Newest first, as days are read.
    for (const day of daysUntil(addDays(TODAY, -31), 365)) {
      const own = await rates.of('1', day, at(clock));
      expect(own.rateOf('GBP', day)).toMatchObject({ requestedDate: day, effectiveDate: day, status: 'exact' });
    }
    const first = addDays(TODAY, -31 - 364);
    expect(asked).toEqual([addDays(TODAY, -100), addDays(first, -70)]);
  });

  test('the next run asks anew, and so does one that has gone on for long', async () => {
    const { rates, clock, asked } = bank();
    rates.planned('insights', [TODAY], { isBackfill: false });
    await rates.of('1', TODAY, at(clock));
    rates.planned('insights', [TODAY], { isBackfill: false });
    await rates.of('1', TODAY, at(clock));
    expect(asked).toHaveLength(2);
    clock.advance(6 * HOUR_MS - 1);
    await rates.of('1', TODAY, at(clock));
    expect(asked).toHaveLength(2);
    clock.advance(1);
    await rates.of('1', TODAY, at(clock));
    expect(asked).toHaveLength(3);
  });

  test('what went wrong is told to all who ask, and tried again after a minute', async () => {
    const own = bank();
    const { rates, clock, asked } = own;
    own.status = 403;
    expect(await failed(rates.of('1', TODAY, at(clock)))).toBe('FACEBOOK_RATES_UNAVAILABLE');
    expect(await failed(rates.of('4', TODAY, at(clock)))).toBe('FACEBOOK_RATES_UNAVAILABLE');
    expect(asked).toHaveLength(1);
    own.status = 200;
    clock.advance(60_000);
    expect((await rates.of('4', TODAY, at(clock))).rateOf('GBP', TODAY).status).toBe('exact');
    expect(asked).toHaveLength(2);
  });

  test('however late it is heard of, and for as long again as was waited for it', async () => {
    const own = bank();
    const { rates, clock, asked } = own;
    own.status = 403;
    own.takesMs = 15 * 60_000;
    expect(await failed(rates.of('1', TODAY, at(clock)))).toBe('FACEBOOK_RATES_UNAVAILABLE');
    clock.advance(15 * 60_000 - 1);
    expect(await failed(rates.of('4', TODAY, at(clock)))).toBe('FACEBOOK_RATES_UNAVAILABLE');
    expect(asked).toHaveLength(1);
    own.status = 200;
    clock.advance(1);
    expect((await rates.of('4', TODAY, at(clock))).rateOf('GBP', TODAY).status).toBe('exact');
    expect(asked).toHaveLength(2);
  });

  test('a bank that says when to come again is not asked before', async () => {
    const own = bank();
    const { rates, clock, asked } = own;
    own.status = 429;
    own.headers = { 'retry-after': '1800' };
    const error = EtlError.from(await rejection(rates.of('1', TODAY, at(clock))));
    expect(error).toMatchObject({ code: 'FACEBOOK_RATES_UNAVAILABLE', kind: 'transient', retryAfterMs: 1_800_000 });
    const before = asked.length;
    clock.advance(1_800_000 - 1);
    expect(await failed(rates.of('4', TODAY, at(clock)))).toBe('FACEBOOK_RATES_UNAVAILABLE');
    expect(asked).toHaveLength(before);
    own.status = 200;
    clock.advance(1);
    expect((await rates.of('4', TODAY, at(clock))).rateOf('GBP', TODAY).status).toBe('exact');
  });

  test('days that it cannot be asked for keep nobody from those that it was asked for', async () => {
    const own = bank(daysUntil(TODAY, 500));
    const { rates, clock, asked } = own;
    rates.planned('insights', daysUntil(TODAY, 31), { isBackfill: false });
    await rates.of('1', TODAY, at(clock));
    own.status = 503;
    const old = addDays(TODAY, -300);
    expect(await failed(rates.of('1', old, at(clock)))).toBe('FACEBOOK_RATES_UNAVAILABLE');
    expect((await rates.of('4', TODAY, at(clock))).rateOf('GBP', TODAY).status).toBe('exact');
    const before = asked.length;
    expect(await failed(rates.of('4', old, at(clock)))).toBe('FACEBOOK_RATES_UNAVAILABLE');
    expect(asked).toHaveLength(before);
    own.status = 200;
    clock.advance(60_000);
    expect((await rates.of('4', old, at(clock))).rateOf('GBP', old).status).toBe('exact');
  });

  test('a run begins when a stream is planned once more, whichever streams it has', async () => {
    const own = bank(daysUntil(addDays(TODAY, -1)));
    const { rates, clock, asked } = own;
    const today = async (): Promise<string> =>
      (await rates.of('1', undefined, at(clock))).rateOf('GBP', TODAY).effectiveDate;
    const plan = (streams: readonly string[]): void => {
      for (const stream of streams) rates.planned(stream, [], { isBackfill: false });
    };
    // A check has asked for them.
    expect(await today()).toBe(addDays(TODAY, -1));
    own.days.unshift(TODAY);
    plan(['campaigns', 'ad_sets', 'insights']);
    expect(await today()).toBe(TODAY);
    await today();
    expect(asked).toHaveLength(2);
    plan(['campaigns', 'ad_sets']);
    await today();
    expect(asked).toHaveLength(3);
    plan(['campaigns']);
    await today();
    rates.planned('campaigns', [], { isBackfill: true });
    await today();
    expect(asked).toHaveLength(4);
  });

  test('a reader that left keeps nobody else from reading', async () => {
    const { rates, clock } = bank();
    const controller = new AbortController();
    controller.abort(new Error('stopped'));
    const left = rates.of('1', TODAY, at(clock, { signal: controller.signal }));
    expect(await rejection(left)).toMatchObject({ message: 'stopped' });
    expect((await rates.of('1', TODAY, at(clock))).rateOf('GBP', TODAY).status).toBe('exact');
  });
});

describe('today', () => {
  test('is the account’s own', async () => {
    const { rates } = bank();
    // In Dubai it is past midnight.
    const own = await rates.of('1', undefined, { now: new Date('2026-03-09T20:30:00Z') });
    expect(own).toMatchObject({ currency: 'GBP', today: '2026-03-10' });
  });

  test('without a clock of the request is the source’s', async () => {
    const { rates } = bank();
    expect((await rates.of('1', undefined, {})).today).toBe(TODAY);
  });
});

describe('the age of a rate', () => {
  test.each([
    [0, 'exact', false, true],
    [1, 'provisional', false, true],
    [4, 'provisional', false, true],
    [5, 'provisional', true, true],
    [7, 'provisional', true, true],
    [8, undefined, true, false],
  ])('of %i days is %s; warned of: %s, taken: %s', async (age, status, isWarned, isTaken) => {
    const { rates, clock } = bank(daysUntil(addDays(TODAY, -age)));
    const heard: unknown[] = [];
    const own = await rates.of('1', TODAY, at(clock, { logger: loggerInto(heard) }));
    const warnings = () => heard.filter((one) => JSON.stringify(one).includes('exchange rate is old'));
    if (isTaken) {
      const rate = own.rateOf('GBP', TODAY);
      expect(rate).toMatchObject({ status, effectiveDate: addDays(TODAY, -age) });
      expect(isOld(rate)).toBe(isWarned);
      own.rateOf('GBP', TODAY);
      expect(warnings()).toHaveLength(isWarned ? 1 : 0);
      if (isWarned) expect(JSON.stringify(warnings())).toContain(`is of ${addDays(TODAY, -age)}`);
      return;
    }
    expect(() => own.rateOf('GBP', TODAY)).toThrowError(
      expect.objectContaining({
        code: 'FACEBOOK_RATE_MISSING',
        kind: 'data',
        message: expect.stringMatching(
          new RegExp(`${TODAY} of the ad account 1: the newest is of ${addDays(TODAY, -age)}`),
        ),
        hint: expect.any(String),
      }),
    );
    expect(warnings()).toEqual([]);
    // Days before it have theirs.
    expect(own.rateOf('GBP', addDays(TODAY, -1)).effectiveDate).toBe(addDays(TODAY, -age));
  });

  test('that is carried is looked at in the same way', async () => {
    const { rates, clock } = bank([TODAY, ...daysUntil(addDays(TODAY, -9))]);
    const own = await rates.of('1', TODAY, at(clock));
    expect(own.rateOf('GBP', addDays(TODAY, -4))).toMatchObject({ status: 'carried' });
    expect(() => own.rateOf('GBP', addDays(TODAY, -1))).toThrowError(
      expect.objectContaining({ code: 'FACEBOOK_RATE_MISSING' }),
    );
  });

  test('a day before all rates has none', async () => {
    const { rates, clock } = bank([TODAY]);
    const own = await rates.of('1', TODAY, at(clock));
    expect(() => own.rateOf('GBP', addDays(TODAY, -1))).toThrowError(
      expect.objectContaining({
        code: 'FACEBOOK_RATE_MISSING',
        message: expect.stringContaining('none was published'),
      }),
    );
  });
});

test('what was used is known by account, each day once, as it was used last', async () => {
  const own = bank(daysUntil(addDays(TODAY, -1)));
  const { rates, clock } = own;
  const before = await rates.of('1', TODAY, at(clock));
  before.rateOf('GBP', TODAY);
  before.rateOf('GBP', addDays(TODAY, -1));
  expect(rates.used('1')).toMatchObject([{ status: 'provisional' }, { status: 'exact' }]);
  own.days.unshift(TODAY);
  rates.planned('insights', [TODAY], { isBackfill: false });
  (await rates.of('1', TODAY, at(clock))).rateOf('GBP', TODAY);
  expect(rates.used('1')).toMatchObject([
    { requestedDate: TODAY, status: 'exact' },
    { requestedDate: addDays(TODAY, -1), status: 'exact' },
  ]);
  expect(rates.used('4')).toEqual([]);
});
