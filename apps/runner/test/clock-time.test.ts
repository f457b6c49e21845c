import { describe, expect, test } from 'vitest';
import { clockTime } from '../src/reporters/clock-time.ts';

const NOW = new Date(2026, 10, 29, 6, 12, 20);

describe('a moment to come', () => {
  test.each([
    [new Date(2026, 10, 29, 6, 12, 30), '06:12:30'],
    [new Date(2026, 10, 29, 6, 12, 30, 1), '06:12:31'],
    [new Date(2026, 10, 29, 8, 5, 1), '08:06'],
    [new Date(2026, 10, 30, 6, 12), '2026-11-30 06:12'],
    [new Date(2026, 10, 29, 23, 59, 30), '2026-11-30 00:00'],
  ])('%s is told so that nobody comes too early', (moment, text) => {
    expect(clockTime(moment, NOW)).toBe(text);
  });
});
