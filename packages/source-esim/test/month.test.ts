import process from 'node:process';
import { describe, expect, it } from 'vitest';
import { esimFixture, sides } from './fixture.ts';

const SEED = process.env['ESIM_SEED'] ?? String(Math.floor(Math.random() * 1e9));
const HOURS = 30 * 24;
const ALL = ['users', 'user_merges', 'sessions', 'orders', 'order_line_items'] as const;

describe('hourly runs over a month', () => {
  it(
    `keep the tables equal to the world, whatever is late, tied or killed (ESIM_SEED=${SEED})`,
    { timeout: 240_000 },
    async () => {
      await using fixture = await esimFixture(SEED);
      const { control } = fixture.sandbox;
      const calls: number[] = [];
      let killed = 0;
      let state = Number(SEED) || 1;
      const next = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
      for (let hour = 0; hour < HOURS; hour += 1) {
        control.advance({ hours: 1 });
        if (next(40) === 0) control.changeExport({ kind: 'touch', dataset: 'orders', count: 25 });
        control.clearRequests();
        if (next(12) === 0) {
          const abort = new AbortController();
          let left = next(30);
          const onEvent = (): void => {
            left -= 1;
            if (left < 0) abort.abort();
          };
          await fixture.run({ signal: abort.signal, onEvent }).catch(() => (killed += 1));
          continue;
        }
        expect(await fixture.run()).toMatchObject({ status: 'ok' });
        calls.push(control.requests().length);
        if (hour % 24 !== 0) continue;
        for (const dataset of ALL) {
          const { loaded, world } = sides(fixture, dataset);
          expect(loaded, `${dataset} at hour ${hour}`).toEqual(world);
        }
      }
      await fixture.run();
      for (const dataset of ALL) {
        const { loaded, world } = sides(fixture, dataset);
        expect(loaded, dataset).toEqual(world);
      }
      const sum = calls.reduce((total, count) => total + count, 0);
      process.stdout.write(
        `seed ${SEED}: ${calls.length} runs, ${killed} killed, ${(sum / calls.length).toFixed(1)} API calls per run (most ${Math.max(...calls)})\n`,
      );
    },
  );
});
