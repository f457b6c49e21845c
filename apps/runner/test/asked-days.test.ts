import { describe, expect, test } from 'vitest';
import { accountDelayMs } from '../src/account-delay.ts';
import { askedDays, type DayOptions } from '../src/asked-days.ts';
import { durationMs } from '../src/duration-text.ts';

const now = new Date('2026-11-24T12:00:00Z');
const ask = (platform: string, options: DayOptions, env: Record<string, string> = {}) =>
  askedDays(platform, options, { env, now });

describe('the days of a backfill', () => {
  test('both ends are included, and are said back', () => {
    expect(ask('facebook', { from: '2026-11-01', to: '2026-11-08' })).toEqual({
      days: { start: '2026-11-01', end: '2026-11-09' },
      text: '2026-11-01 … 2026-11-08 (8 days)',
      askedBy: '--from',
    });
  });

  test.each([
    [{ from: '2026-11-8' }, 'not a day'],
    [{ from: '2026-02-30' }, 'not a day'],
    [{ from: '2026-11-08', to: '2026-11-01' }, 'is after'],
    [{ from: '2026-11-20', to: '2026-11-26' }, 'in the future'],
    [{ to: '2026-11-20' }, 'without --from'],
    [{ backfillDays: '3x' }, 'whole number'],
    [{ backfillDays: '3', from: '2026-11-01' }, 'different things'],
    [{ days: '3x' }, '--days is not a whole number'],
    [{ days: '3', from: '2026-11-01' }, '--days and --from'],
  ])('%j is refused: %s', (options, text) => {
    expect(() => ask('facebook', options)).toThrow(text);
  });

  test('every platform has its variables, and a wrong one is named', () => {
    expect(ask('facebook', {}, { FB_BACKFILL_DAYS: '30' })?.days).toEqual({ start: '2026-10-25', end: '2026-11-25' });
    expect(ask('google_play', {}, { GOOGLE_PLAY_BACKFILL_MONTHS: '3' })?.days.start).toBe('2026-08-01');
    expect(ask('esim_facebook', {}, { FB_BACKFILL_DAYS: '30' })).toBeUndefined();
    expect(() => ask('google_analytics', {}, { GA4_BACKFILL_DAYS: 'many' })).toThrow('GA4_BACKFILL_DAYS');
    expect(() => ask('google_play', {}, { GOOGLE_PLAY_BACKFILL_MONTHS: '3', GOOGLE_PLAY_BACKFILL_DAYS: '3' })).toThrow(
      'both set',
    );
  });

  test.each([
    ['facebook', 'FB_BACKFILL_DAYS', '2026-10-25'],
    ['esim_facebook', 'ESIM_FB_BACKFILL_DAYS', '2026-10-25'],
    ['subscription_facebook', 'SUB_FB_BACKFILL_DAYS', '2026-10-25'],
    ['google', 'GOOGLE_BACKFILL_DAYS', '2026-10-25'],
    ['subscription_google', 'SUB_GOOGLE_BACKFILL_DAYS', '2026-10-25'],
    ['google_analytics', 'GA4_BACKFILL_DAYS', '2026-10-25'],
    ['google_play', 'GOOGLE_PLAY_BACKFILL_DAYS', '2026-10-25'],
    ['google_play', 'GOOGLE_PLAY_BACKFILL_MONTHS', '2024-05-01'],
    ['app_store', 'APPSTORE_BACKFILL_DAYS', '2026-10-25'],
  ])('%s understands %s, and refuses what is no number of it', (platform, variable, start) => {
    expect(ask(platform, {}, { [variable]: ' 30 ' })).toMatchObject({
      days: { start, end: '2026-11-25' },
      askedBy: variable,
    });
    expect(ask(platform, {}, { [variable]: '' })).toBeUndefined();
    for (const wrong of ['x', '-1', '0', '1.5', '30d', '99999', '1e2', '٣']) {
      expect(() => ask(platform, {}, { [variable]: wrong }), wrong).toThrow(
        expect.objectContaining({ code: 'DAYS_INVALID', message: expect.stringContaining(variable) }),
      );
    }
  });

  test.each([
    ['facebook', 'FB_ACCOUNT_DELAY_SECONDS'],
    ['esim_facebook', 'ESIM_FB_ACCOUNT_DELAY_SECONDS'],
    ['subscription_facebook', 'SUB_FB_ACCOUNT_DELAY_SECONDS'],
  ])('%s pauses between accounts as %s says', (platform, variable) => {
    expect(accountDelayMs(platform, { [variable]: '600' })).toBe(600_000);
    expect(accountDelayMs(platform, { [variable]: '0' })).toBe(0);
    expect(accountDelayMs(platform, {})).toBeUndefined();
    expect(accountDelayMs('pg', { [variable]: 'x' })).toBeUndefined();
    for (const wrong of ['x', '-1', '1.5', '86401'])
      expect(() => accountDelayMs(platform, { [variable]: wrong })).toThrow(variable);
  });

  test('an option beats the variable and says so', () => {
    expect(ask('facebook', { backfillDays: '2' }, { FB_BACKFILL_DAYS: 'x' })).toMatchObject({
      askedBy: '--backfill-days',
      overruled: 'FB_BACKFILL_DAYS',
    });
  });

  test('a duration has units', () => {
    expect(['90s', '45m', '2h', '1h30m'].map((text) => durationMs(text, '--deadline') / 1000)).toEqual([
      90, 2700, 7200, 5400,
    ]);
    for (const text of ['45', '0m', '-1h', '1d', ''])
      expect(() => durationMs(text, '--deadline')).toThrow('--deadline');
  });
});
