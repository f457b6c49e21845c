import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pgbenchScene } from '../bench/pgbench/scene.ts';
import { temporaryDirectory } from './etl-process.ts';

test('a writer at full speed during the snapshot and three runs leaves both sides equal', async () => {
  await using directory = await temporaryDirectory();
  const lines: string[] = [];
  const { during, after, loaded, besideTps } = await pgbenchScene({
    destination: { path: join(directory.path, 'clickhouse') },
    scale: 1,
    clients: 2,
    runs: 3,
    aloneMs: 200,
    say: (line) => void lines.push(line),
  });
  const story = lines.join('\n');
  expect(besideTps, story).toBeGreaterThan(0);
  expect(loaded, story).toBeGreaterThan(100_011);
  for (const report of [during, after]) {
    expect(report.failures, story).toEqual([]);
    expect(report.isEqual, story).toBe(true);
    expect(report.streams.map(({ stream }) => stream)).toEqual([
      'pgbench_accounts',
      'pgbench_branches',
      'pgbench_history',
      'pgbench_tellers',
    ]);
  }
  expect(during.run.rows, story).toBeGreaterThan(0);
}, 120_000);
