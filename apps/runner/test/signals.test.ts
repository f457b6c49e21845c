import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { SignalTrap, type SignalSurroundings } from '../src/signals.ts';

describe('signals', () => {
  function trapped() {
    const emitter = new EventEmitter();
    const clock = { ms: 1000 };
    const [said, left]: [string[], number[]] = [[], []];
    const exit = (code: number): void => void left.push(code);
    const around = { process: Object.assign(emitter, { exit }), now: () => clock.ms } as unknown as SignalSurroundings;
    const trap = new SignalTrap((name) => void said.push(name), around);
    return { emitter, clock, said, left, trap };
  }

  test('one that is passed on twice is one wish', () => {
    const { emitter, clock, said, left, trap } = trapped();
    emitter.emit('SIGTERM');
    for (const ms of [1, 200, 298]) {
      clock.ms += ms;
      emitter.emit('SIGTERM');
    }
    expect(said).toEqual(['SIGTERM']);
    expect(left).toEqual([]);
    expect(trap.interruption?.signal).toBe('SIGTERM');
  });

  test('a second one, half a second later, leaves at once', () => {
    const { emitter, clock, left } = trapped();
    emitter.emit('SIGINT');
    clock.ms += 500;
    emitter.emit('SIGINT');
    expect(left).toEqual([130]);
  });

  test('another one leaves at once, however soon', () => {
    const { emitter, left } = trapped();
    emitter.emit('SIGINT');
    emitter.emit('SIGTERM');
    expect(left).toEqual([143]);
  });

  test('are given back', () => {
    const { emitter, trap } = trapped();
    trap.release();
    expect(emitter.listenerCount('SIGINT') + emitter.listenerCount('SIGTERM')).toBe(0);
  });
});
