import { expect, it } from 'vitest';
import { killTest } from '../bench/kill/kill-test.ts';

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);

it(
  `tables are exactly the source at the stored position after every SIGKILL (seed ${seed})`,
  { timeout: 180_000 },
  async () => {
    const report = await killTest(8, seed);
    expect(report.wrong).toEqual([]);
    expect(report.kills).toBe(8);
    expect(report.verified).toBeGreaterThan(0);
  },
);
