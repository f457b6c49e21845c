import { expect, it } from 'vitest';
import { readerTest } from '../bench/reader/reader-test.ts';

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);

it(`a reader sees whole loads only, while they are published (seed ${seed})`, { timeout: 180_000 }, async () => {
  const report = await readerTest({ loads: 25, seed });
  expect(report.wrong).toEqual([]);
  expect(report).toMatchObject({ loads: 25, mutations: 0 });
  expect(report.counts.report.overlapping).toBeGreaterThan(0);
});
