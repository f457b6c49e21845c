import { createHttpClient } from '@etl/core/http';
import { expect, it } from 'vitest';
import { FakeClock, HastyClock, TestPlatform } from '../src/index.ts';

it('a fake clock lets timers fire in their order, each at its own time', () => {
  const clock = new FakeClock(new Date('2026-11-24T12:00:00Z'));
  const seen: string[] = [];
  const tell = (name: string) => () =>
    void seen.push(`${name} at ${new Date(clock.now()).toISOString().slice(11, 19)}`);
  clock.after(3000, tell('late'));
  clock.after(1000, tell('early'));
  const cancel = clock.after(2000, tell('never'));
  expect(clock.pending).toEqual([1000, 2000, 3000]);
  cancel();
  clock.advance(2500);
  expect(seen).toEqual(['early at 12:00:01']);
  clock.advance(2500);
  expect(seen).toEqual(['early at 12:00:01', 'late at 12:00:03']);
  expect(clock.now()).toBe(Date.parse('2026-11-24T12:00:05Z'));
});

it('a fake clock says when something begins to wait', async () => {
  const clock = new FakeClock();
  const waiting = clock.untilTimer(500);
  clock.after(100, () => undefined);
  clock.after(500, () => undefined);
  await waiting;
  expect(clock.pending).toEqual([100, 500]);
});

it.each([
  // Limits pass two hundred times as fast; where none is to pass, not faster than the machine's.
  { name: '429 with Retry-After', clock: new HastyClock({ speed: 1 }), longestWaitMs: 2000 },
  { name: 'no answer', clock: new HastyClock(), longestWaitMs: 1 },
])(
  'a hasty clock skips pauses, remembers them, and lets limits pass: $name',
  async ({ name, clock, longestWaitMs }) => {
    await using platform = await TestPlatform.start({ answer: () => ({ ok: true }) });
    const { faults, inject } = platform.fixture;
    const http = createHttpClient({ baseUrl: platform.url, clock, random: () => 1 });
    const fault = faults.find((one) => one.name === name);
    if (fault === undefined) throw new Error(`there is no fault ${name}`);
    const isMet = inject(fault, 1);
    expect((await http.json('anything')).body).toEqual({ ok: true });
    expect(isMet()).toBe(true);
    expect(Math.max(...clock.waits)).toBeGreaterThanOrEqual(longestWaitMs);
  },
);
