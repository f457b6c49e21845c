import { expect, test } from 'vitest';
import { ReadRest } from '../src/read-rest.ts';

/** Reads from a sender that writes so many bytes a millisecond while there is room for them. */
function read(rest: ReadRest, reads: number, { rate, room }: { readonly rate: number; readonly room: number }): number {
  let bytes = 0;
  let elapsed = 0;
  for (let count = 0; count < reads; count += 1) {
    const ms = rest.ms + 0.1;
    const come = Math.min(rate * ms, room);
    rest.read(come, ms);
    bytes += come;
    elapsed += ms;
  }
  return bytes / elapsed;
}

test('rests longer where more comes at once for it', () => {
  const rest = new ReadRest();
  read(rest, 60, { rate: 10_000, room: Infinity });
  expect(rest.ms).toBe(10);
});

test('rests no longer than the sender has room to write to', () => {
  const rest = new ReadRest();
  const rate = read(rest, 2000, { rate: 40_000, room: 40_000 });
  expect(rest.ms).toBeLessThan(3);
  expect(rate).toBeGreaterThan(24_000);
});

test('finds out when the sender has less room than before, or more', () => {
  const rest = new ReadRest();
  read(rest, 200, { rate: 10_000, room: Infinity });
  read(rest, 200, { rate: 10_000, room: 15_000 });
  expect(rest.ms).toBeLessThan(3);
  read(rest, 200, { rate: 10_000, room: Infinity });
  expect(
    Math.max(...Array.from({ length: 80 }, () => (read(rest, 1, { rate: 10_000, room: Infinity }), rest.ms))),
  ).toBe(10);
});

test('does not rest while much comes', () => {
  const rest = new ReadRest();
  read(rest, 100, { rate: 10_000, room: Infinity });
  rest.read(128 * 1024, 10);
  expect(rest.ms).toBe(0);
  rest.read(1000, 1);
  expect(rest.ms).toBeGreaterThan(0);
});

test('costs a sender that is idle nothing: it rests after something has come, not before', () => {
  const rest = new ReadRest();
  expect(rest.ms).toBe(0);
  rest.read(100, 60_000);
  expect(rest.ms).toBe(1);
});
