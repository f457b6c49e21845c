import type { Fetch } from '@etl/core/http';
import { describe, expect, test } from 'vitest';
import { EuroRatesClient, euroRatesOf } from '../src/euro-rates.ts';
import { rejection, SteppedClock } from './scripted-graph.ts';

const HEADER = 'KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,TITLE_COMPL';

function row(currency: string, day: string, value: string, key = `EXR.D.${currency}.EUR.SP00.A`): string {
  return `${key},D,${currency},EUR,SP00,A,${day},${value},A,"ECB reference exchange rate, of ${currency}, 2.15 pm"`;
}

function file(...rows: readonly string[]): Uint8Array {
  return Buffer.from([HEADER, ...rows, ''].join('\r\n'));
}

const GOOD = [
  row('GBP', '2026-03-26', '0.8572'),
  row('GBP', '2026-03-27', '0.8600'),
  row('USD', '2026-03-26', '1.1643'),
  row('USD', '2026-03-27', '1.1700'),
];
const READ = new Map([
  ['2026-03-26', { usd: '1.1643', gbp: '0.8572' }],
  ['2026-03-27', { usd: '1.1700', gbp: '0.8600' }],
]);

describe('a file of the bank', () => {
  test('is read by the names of its columns, day by day, digits as they are written', async () => {
    expect(await euroRatesOf(file(...GOOD))).toEqual(READ);
    const shuffled = Buffer.from(
      [
        'OBS_VALUE,TIME_PERIOD,KEY',
        '1.1643,2026-03-26,EXR.D.USD.EUR.SP00.A',
        '0.8572,2026-03-26,EXR.D.GBP.EUR.SP00.A',
      ].join('\n'),
    );
    expect(await euroRatesOf(shuffled)).toEqual(new Map([['2026-03-26', READ.get('2026-03-26')]]));
  });

  test.each([
    ['empty', ''],
    ['NaN', 'NaN'],
  ])('may have placeholders without a value: %s', async (_what, value) => {
    const placeholders = [row('GBP', '2026-04-03', value), row('USD', '2026-04-03', value)];
    expect(await euroRatesOf(file(...GOOD, ...placeholders))).toEqual(READ);
  });

  test.each([
    ['dollars only', row('USD', '2026-03-30', '1.18')],
    ['pounds only', row('GBP', '2026-03-30', '0.87')],
  ])('may have a day with one leg, which is no day: %s', async (_what, leg) => {
    expect(await euroRatesOf(file(...GOOD, leg))).toEqual(READ);
  });

  test.each<[string, Uint8Array, string]>([
    ['a series that was not asked for', file(...GOOD, row('JPY', '2026-03-26', '160')), 'not asked for'],
    ['a monthly series', file(...GOOD, row('USD', '2026-03', '1.1', 'EXR.M.USD.EUR.SP00.A')), 'not asked for'],
    [
      'a series named like what every object has',
      file(...GOOD, row('USD', '2026-03-30', '1', 'toString')),
      'not asked',
    ],
    ['a day twice', file(...GOOD, row('USD', '2026-03-27', '1.1700')), 'usd 2026-03-27 twice'],
    ['a placeholder beside a value', file(...GOOD, row('GBP', '2026-03-27', '')), 'gbp 2026-03-27 twice'],
    ['zero', file(...GOOD, row('USD', '2026-03-30', '0')), '2026-03-30 is no positive number'],
    ['zero with places', file(...GOOD, row('USD', '2026-03-30', '0.0000')), 'no positive number'],
    ['a negative rate', file(...GOOD, row('USD', '2026-03-30', '-1.1')), 'no positive number'],
    ['a rate in words', file(...GOOD, row('USD', '2026-03-30', 'n/a')), 'no positive number'],
    ['a rate with an exponent', file(...GOOD, row('USD', '2026-03-30', '1e0')), 'no positive number'],
    ['a day that is none', file(...GOOD, row('USD', '2026-02-30', '1.1')), 'a day that is none'],
    ['a month', file(...GOOD, row('USD', '2026-03', '1.1')), 'a day that is none'],
    ['no rows', file(), 'of no day'],
    ['one leg of everything', file(GOOD[0] ?? ''), 'of no day'],
  ])('is refused with %s', async (_what, bytes, says) => {
    expect(await rejection(euroRatesOf(bytes))).toMatchObject({
      code: 'FACEBOOK_RATES_INVALID',
      kind: 'data',
      message: expect.stringContaining(says),
      hint: expect.stringContaining('ratesBaseUrl'),
    });
  });
});

interface Answer {
  readonly status?: number;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The client of this package, and what it asked. */
function scripted(answer: (index: number) => Answer): {
  client: EuroRatesClient;
  asked: Request[];
  clock: SteppedClock;
} {
  const asked: Request[] = [];
  const clock = new SteppedClock();
  const fetch: Fetch = async (input, init) => {
    asked.push(new Request(input, init));
    const { status = 200, body = Buffer.from(file(...GOOD)).toString(), headers = {} } = answer(asked.length - 1);
    return new Response(body, { status, headers: { 'content-type': 'text/csv', ...headers } });
  };
  return { client: new EuroRatesClient('https://rates.example/', { fetch, clock, random: () => 0 }), asked, clock };
}

describe('asking the bank', () => {
  test('is one request for both series from a day on, without credentials', async () => {
    const { client, asked } = scripted(() => ({}));
    expect(await client.since('2026-01-15', {})).toEqual(READ);
    expect(asked).toHaveLength(1);
    const [{ url, method, headers } = new Request('https://nobody.example')] = asked;
    expect([method, url]).toEqual([
      'GET',
      'https://rates.example/service/data/EXR/D.USD+GBP.EUR.SP00.A?startPeriod=2026-01-15&format=csvdata',
    ]);
    expect(headers.has('authorization')).toBe(false);
  });

  test.each([500, 503, 429])('is repeated after %i', async (status) => {
    const { client, asked, clock } = scripted((index) => (index < 2 ? { status } : {}));
    expect(await client.since('2026-01-15', {})).toEqual(READ);
    expect(asked).toHaveLength(3);
    expect(clock.waits.length).toBeGreaterThan(0);
  });

  // An account is parked for its own refusals: those of the bank are none of them.
  test.each([401, 403, 404, 429, 500])('that ends with %i is a service that is down', async (status) => {
    const { client } = scripted(() => ({ status, body: 'no' }));
    const error = await rejection(client.since('2026-01-15', {}));
    expect(error).toMatchObject({
      code: 'FACEBOOK_RATES_UNAVAILABLE',
      kind: 'transient',
      message: expect.stringContaining('European Central Bank'),
    });
    expect((error as Error).message).toContain('https://rates.example/');
  });

  test('keeps how long the bank wants to be left alone', async () => {
    const { client } = scripted(() => ({ status: 429, headers: { 'retry-after': '3600' } }));
    expect(await rejection(client.since('2026-01-15', {}))).toMatchObject({
      code: 'FACEBOOK_RATES_UNAVAILABLE',
      retryAfterMs: 3_600_000,
    });
  });

  test.each<[string, Answer]>([
    ['a page of HTML with 200', { body: '<!DOCTYPE html>\n<html><body>Try later</body></html>\n' }],
    ['nothing', { body: '' }],
    ['JSON', { body: '{"dataSets":[]}' }],
    ['another header', { body: 'KEY,DAY,RATE\nEXR.D.USD.EUR.SP00.A,2026-03-26,1.1\n' }],
    ['a row cut short', { body: Buffer.from(file(...GOOD)).subarray(0, -60) }],
    ['a row with too much', { body: `${HEADER}\n${GOOD[0]},more\n` }],
    ['bytes that are no text', { body: new Uint8Array([0xff, 0x00, 0x41]) }],
  ])('and being given %s is refused', async (_what, answer) => {
    const { client } = scripted(() => answer);
    const error = await rejection(client.since('2026-01-15', {}));
    expect(error).toMatchObject({
      code: expect.stringMatching(/^FACEBOOK_RATES_(INVALID|UNAVAILABLE)$/),
      message: expect.stringContaining('European Central Bank'),
    });
  });

  test('a body without end is not read to it', async () => {
    const { client } = scripted(() => ({ body: new Uint8Array(17 * 1024 * 1024) }));
    expect(await rejection(client.since('2026-01-15', {}))).toMatchObject({
      code: expect.stringMatching(/^FACEBOOK_RATES_/),
      cause: expect.objectContaining({ code: expect.stringContaining('HTTP') }),
    });
  });

  test('an abort is an abort', async () => {
    const controller = new AbortController();
    const { client } = scripted(() => {
      controller.abort(new Error('stopped'));
      return { status: 503 };
    });
    expect(await rejection(client.since('2026-01-15', { signal: controller.signal }))).toMatchObject({
      message: 'stopped',
    });
  });
});
