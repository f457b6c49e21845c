import { expect, it } from 'vitest';
import { zombieTest } from '../bench/zombie/zombie-test.ts';

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);

it(`a run that is stopped, taken over and woken does no harm (seed ${seed})`, { timeout: 300_000 }, async () => {
  const report = await zombieTest({ seed, every: 55, lanes: 3 });
  expect(report.wrong).toEqual([]);
  expect(report.stops).toBeGreaterThanOrEqual(8);
});
