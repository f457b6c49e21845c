import { expect, it } from 'vitest';
import { concurrentTest } from '../bench/concurrent/concurrent-test.ts';

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);

it(`eight pipelines load into one new table at the same time (seed ${seed})`, { timeout: 180_000 }, async () => {
  const report = await concurrentTest({ pipelines: 8, rounds: 4, seed, widensAfter: 2 });
  expect(report.wrong).toEqual([]);
  expect(report.loads).toBe(32);
});
