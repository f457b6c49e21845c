import { expect, it } from 'vitest';
import { addDays, dailySlices, dayIn, daysOf, startOfDay } from '../src/index.ts';

it.each([
  ['America/Los_Angeles', '2026-11-24T07:59:59Z', '2026-11-23'],
  ['America/Los_Angeles', '2026-11-24T08:00:00Z', '2026-11-24'],
  ['Asia/Kolkata', '2026-11-23T18:30:00Z', '2026-11-24'],
  ['Pacific/Kiritimati', '2026-11-23T10:00:00Z', '2026-11-24'],
  ['UTC', '2026-11-24T00:00:00Z', '2026-11-24'],
])('knows the day in %s at %s', (zone, instant, day) => {
  expect(dayIn(zone, new Date(instant))).toBe(day);
});

it.each([
  ['an ordinary day', 'Europe/Berlin', '2026-11-24', '2026-11-23T23:00:00.000Z'],
  ['the day clocks go forward', 'Europe/Berlin', '2026-03-29', '2026-03-28T23:00:00.000Z'],
  ['the day after', 'Europe/Berlin', '2026-03-30', '2026-03-29T22:00:00.000Z'],
  ['the day clocks go back', 'America/New_York', '2026-11-01', '2026-11-01T04:00:00.000Z'],
  ['the day after that', 'America/New_York', '2026-11-02', '2026-11-02T05:00:00.000Z'],
  ['a day whose midnight is skipped', 'America/Santiago', '2026-09-06', '2026-09-06T04:00:00.000Z'],
  ['a zone with half hours', 'Australia/Lord_Howe', '2026-07-01', '2026-06-30T13:30:00.000Z'],
])('begins %s where it begins', (_, zone, day, instant) => {
  expect(startOfDay(zone, day).toISOString()).toBe(instant);
});

it('begins a day that a zone left out with the next one', () => {
  expect(startOfDay('Pacific/Apia', '2011-12-30')).toEqual(startOfDay('Pacific/Apia', '2011-12-31'));
});

it('counts days over months and leap years', () => {
  expect(addDays('2028-02-28', 1)).toBe('2028-02-29');
  expect(addDays('2026-01-01', -1)).toBe('2025-12-31');
  expect(daysOf({ start: '2026-02-27', end: '2026-03-02' })).toEqual(['2026-02-27', '2026-02-28', '2026-03-01']);
  expect(daysOf({ start: '2026-03-02', end: '2026-03-02' })).toEqual([]);
});

it('expects the account’s own days up to yesterday, newest first, settled after the lookback', () => {
  const slices = dailySlices({
    account: { column: 'account_id', id: '42' },
    timeZone: 'America/Los_Angeles',
    now: new Date('2026-11-24T03:00:00Z'),
    historyDays: 3,
    lookbackDays: 7,
  });
  expect(slices.map(({ scope }) => scope?.days?.start)).toEqual(['2026-11-22', '2026-11-21', '2026-11-20']);
  expect(slices[0]).toEqual({
    key: 'account_id=42/2026-11-22',
    lane: '42',
    scope: { equals: { account_id: '42' }, days: { start: '2026-11-22', end: '2026-11-23' } },
    settledAt: '2026-11-30T08:00:00.000Z',
  });
});

it('leaves days out of a backfill that have not come yet', () => {
  const slices = dailySlices({
    account: { column: 'account_id', id: '42' },
    timeZone: 'UTC',
    now: new Date('2026-11-24T03:00:00Z'),
    historyDays: 30,
    lookbackDays: 7,
    days: { start: '2026-11-22', end: '2026-12-01' },
    includesToday: true,
  });
  expect(slices.map(({ scope }) => scope?.days?.start)).toEqual(['2026-11-24', '2026-11-23', '2026-11-22']);
});

it('names a time zone that does not exist', () => {
  expect(() => dayIn('Europe/Berln', new Date())).toThrow(expect.objectContaining({ code: 'TIME_ZONE_UNKNOWN' }));
});
