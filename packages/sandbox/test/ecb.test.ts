import { describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox, type SandboxOptions } from '../src/index.ts';

const SERIES = '/service/data/EXR/D.USD+GBP.EUR.SP00.A';

function start(options: SandboxOptions = {}): Promise<Sandbox> {
  return startSandbox({ seed: 'rates', platforms: ['ecb'], now: new Date('2026-04-08T16:00:00Z'), ...options });
}

async function rows(sandbox: Sandbox, query = 'startPeriod=2026-03-25', path = SERIES): Promise<readonly string[]> {
  const response = await fetch(`${sandbox.ecb.baseUrl}${path}?format=csvdata&${query}`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/csv');
  const text = await response.text();
  expect(text.endsWith('\r\n')).toBe(true);
  return text.trimEnd().split('\r\n').slice(1);
}

function cells(lines: readonly string[]): readonly string[] {
  return lines.map((line) => {
    const [, , currency, , , , day, value] = line.split(',');
    return `${currency} ${day} ${value}`;
  });
}

describe('the reference rates of the European Central Bank', () => {
  it('are the same for the same seed, and others for another one', async () => {
    await using one = await start();
    await using other = await start();
    await using third = await start({ seed: 'others' });
    expect(await rows(one)).toEqual(await rows(other));
    expect(await rows(one)).not.toEqual(await rows(third));
  });

  it('come series by series, a row for each business day, placeholders without a value on holidays', async () => {
    await using sandbox = await start();
    const given = cells(await rows(sandbox));
    const days = (currency: string): readonly string[] =>
      given.filter((cell) => cell.startsWith(currency)).map((cell) => cell.split(' ')[1] ?? '');
    // Good Friday and Easter Monday have rows, weekends have none.
    const expected = [25, 26, 27, 30, 31].map((day) => `2026-03-${day}`);
    expected.push('2026-04-01', '2026-04-02', '2026-04-03', '2026-04-06', '2026-04-07', '2026-04-08');
    expect(days('GBP')).toEqual(expected);
    expect(days('USD')).toEqual(expected);
    expect(given).toContain('GBP 2026-04-03 ');
    expect(given).toContain('USD 2026-04-06 ');
    for (const cell of given) expect(cell).toMatch(/^(?:GBP|USD) \S{10} (?:0\.8\d{3}|1\.[012]\d{3})?$/);
    expect(given.findIndex((cell) => cell.startsWith('USD'))).toBe(expected.length);
  });

  it('are what the oracle says', async () => {
    await using sandbox = await start();
    for (const cell of cells(await rows(sandbox))) {
      const [currency = '', day = '', value = ''] = cell.split(' ');
      expect(sandbox.ecb.ratesOf(day)?.[currency as 'GBP'] ?? '').toBe(value);
    }
    expect(sandbox.ecb.ratesOf('2026-03-28')).toBeUndefined();
    expect(sandbox.ecb.ratesOf('2026-04-03')).toEqual({});
  });

  it('are not there before they are published, in the afternoon', async () => {
    await using sandbox = await start({ now: new Date('2026-03-31T14:59:59Z') });
    expect(sandbox.ecb.ratesOf('2026-03-31')).toBeUndefined();
    expect(cells(await rows(sandbox)).some((cell) => cell.includes('2026-03-31'))).toBe(false);
    sandbox.control.advance({ seconds: 1 });
    expect(sandbox.ecb.ratesOf('2026-03-31')).toHaveProperty('GBP');
    expect(cells(await rows(sandbox)).some((cell) => cell.includes('USD 2026-03-31'))).toBe(true);
  });

  it('are bounded by what is asked for, both bounds included', async () => {
    await using sandbox = await start();
    const given = cells(await rows(sandbox, 'startPeriod=2026-03-26&endPeriod=2026-03-27'));
    expect(given.map((cell) => cell.slice(0, 14))).toEqual([
      'GBP 2026-03-26',
      'GBP 2026-03-27',
      'USD 2026-03-26',
      'USD 2026-03-27',
    ]);
    const one = cells(await rows(sandbox, 'startPeriod=2026-04-07', SERIES.replace('USD+', '')));
    expect(one).toHaveLength(2);
    expect((await rows(sandbox, '')).length).toBeGreaterThan(13_000);
  });

  it('are those that a test gives: another value, one leg of two, none', async () => {
    await using sandbox = await start({
      ecb: {
        rates: { '2026-03-30': { USD: '1.1643', GBP: '0.8572' }, '2026-03-31': { USD: '1.2' }, '2026-04-01': {} },
        unpublished: ['2026-04-02'],
      },
    });
    const given = cells(await rows(sandbox, 'startPeriod=2026-03-30&endPeriod=2026-04-02'));
    expect(given).toEqual([
      'GBP 2026-03-30 0.8572',
      'GBP 2026-04-01 ',
      'USD 2026-03-30 1.1643',
      'USD 2026-03-31 1.2',
      'USD 2026-04-01 ',
    ]);
    await expect(start({ ecb: { rates: { yesterday: {} } } })).rejects.toThrow('yesterday');
  });

  it.each([
    ['another series', 404, SERIES.replace('USD', 'XXX'), 'format=csvdata'],
    ['a path of something else', 404, '/service/dataflow', 'format=csvdata'],
    ['another format', 406, SERIES, 'format=jsondata'],
    ['a day that is none', 400, SERIES, 'format=csvdata&startPeriod=2026-02-30'],
    ['days on which nothing was published', 404, SERIES, 'format=csvdata&startPeriod=2026-03-28&endPeriod=2026-03-29'],
  ])('%s is answered with %i', async (_what, status, path, query) => {
    await using sandbox = await start();
    expect((await fetch(`${sandbox.ecb.baseUrl}${path}?${query}`)).status).toBe(status);
  });

  it('meet faults of the way, are logged, and need no token', async () => {
    await using sandbox = await start();
    sandbox.control.fault({ kind: 'graph-error', code: 4 });
    sandbox.control.fault({ kind: 'html', status: 200, match: { platform: 'ecb' } });
    const response = await fetch(`${sandbox.ecb.baseUrl}${SERIES}?format=csvdata`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(sandbox.control.faults().map(({ met }) => met)).toEqual([0, 1]);
    expect(sandbox.control.requests({ platform: 'ecb' })).toMatchObject([
      { method: 'GET', path: SERIES, parameters: { format: 'csvdata' }, fault: 'html', status: 200 },
    ]);
    expect(sandbox.control.platforms()).toEqual({ ecb: { baseUrl: sandbox.ecb.baseUrl } });
    expect(sandbox.control.usage()).toEqual({ ecb: {} });
    expect(() => sandbox.control.issueToken({ platform: 'ecb' })).toThrow('no token');
    expect(() => sandbox.control.revokeToken({ platform: 'ecb', token: 'x' })).toThrow('no token');
    expect(() => sandbox.facebook).toThrow('without the platform facebook');
  });
});
