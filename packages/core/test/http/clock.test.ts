import { expect, it, vi } from 'vitest';
import { systemClock } from '../../src/http/index.ts';

it('waits longer than one timer of the machine can, and not a moment less', () => {
  vi.useFakeTimers();
  try {
    let fired = 0;
    const days = 86_400_000;
    systemClock.after(60 * days, () => (fired += 1));
    const cancel = systemClock.after(60 * days, () => (fired += 1));
    vi.advanceTimersByTime(60 * days - 1);
    expect(fired).toBe(0);
    cancel();
    vi.advanceTimersByTime(1);
    expect(fired).toBe(1);
  } finally {
    vi.useRealTimers();
  }
});
