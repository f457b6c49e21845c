import { expect, test } from 'vitest';
import { loggerInto } from '@etl/testing';
import { API_VERSION, sunsetOf } from '../src/api-version.ts';
import { startWorld } from './world.ts';

const DAY_MS = 86_400_000;

test.each([
  { days: 0.5, warned: 1 },
  { days: 6, warned: 7 },
  { days: 29, warned: 30 },
  { days: 31, warned: undefined },
])('warns of a token that expires in $days days', async ({ days, warned }) => {
  await using world = await startWorld();
  const expiresAt = new Date(Date.parse(world.sandbox.control.now()) + days * DAY_MS).toISOString();
  const token = world.sandbox.facebook.issueToken({ expiresAt });
  const heard: unknown[] = [];
  await world.source({ token }).check({ logger: loggerInto(heard) });
  const text = JSON.stringify(heard);
  expect(text.includes('facebook token expires soon')).toBe(warned !== undefined);
  if (warned !== undefined) expect(text).toContain(`"warned_from_days":${warned}`);
  expect(text).not.toContain(token);
});

test('knows when the version it asks for is no longer answered, warns in time and refuses in the end', async () => {
  const sunset = Date.parse(sunsetOf(API_VERSION) ?? '');
  const checkAt = async (now: number): Promise<string> => {
    await using world = await startWorld({ now: new Date(now) });
    const heard: unknown[] = [];
    await world.source().check({ logger: loggerInto(heard) });
    return JSON.stringify(heard);
  };
  expect(await checkAt(sunset - 90 * DAY_MS)).not.toContain('api version');
  expect(await checkAt(sunset - 20 * DAY_MS)).toContain('facebook api version expires soon');
  await expect(checkAt(sunset + DAY_MS)).rejects.toMatchObject({ code: 'FACEBOOK_VERSION_RETIRED', kind: 'config' });
});

test('a version that is gone is refused without asking for it', async () => {
  await using world = await startWorld({ now: new Date('2026-11-28T00:00:00Z') });
  await expect(world.source({ apiVersion: 'v24.0' }).check()).rejects.toMatchObject({
    code: 'FACEBOOK_VERSION_RETIRED',
  });
});

test.each([
  { scopes: [], code: 'FACEBOOK_SCOPE_MISSING', kind: 'permission' },
  { scopes: ['public_profile'], code: 'FACEBOOK_SCOPE_MISSING', kind: 'permission' },
])('a token with the scopes $scopes is refused', async ({ scopes, code, kind }) => {
  await using world = await startWorld();
  const token = world.sandbox.facebook.issueToken({ scopes });
  await expect(world.source({ token }).check()).rejects.toMatchObject({ code, kind });
});

test('an account that the token may not see is named', async () => {
  await using world = await startWorld();
  const [allowed = '', refused = ''] = world.accountIds;
  const token = world.sandbox.facebook.issueToken({ accountIds: [allowed] });
  const error: unknown = await world
    .source({ token, accountIds: [refused] })
    .check()
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: 'permission' });
  expect(String(error)).toContain(refused);
});

test.each([
  [{ accountIds: [] }, 'accountIds'],
  [{ accountIds: ['12x'] }, 'accountIds'],
  [{ accountIds: ['1', 'act_1'] }, 'accountIds'],
  [{ apiVersion: '25' }, 'apiVersion'],
  [{ insights: { windowDays: 0 } }, 'insights.windowDays'],
  [{ insights: { fields: ['wealth' as 'spend'] } }, 'insights.fields'],
  [{ reports: { maxRetries: -1 } }, 'reports.maxRetries'],
  [Object.fromEntries([['unknown', 1]]), 'options'],
])('options %o are refused by name, never by value', async (options, name) => {
  await using world = await startWorld();
  const make = (): unknown => world.source(options);
  expect(make).toThrowError(expect.objectContaining({ code: 'FACEBOOK_OPTIONS_INVALID' }));
  try {
    make();
  } catch (error) {
    expect((error as Error).message).toContain(name);
    expect((error as Error).message).not.toContain(world.sandbox.facebook.token);
  }
});
