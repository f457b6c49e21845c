// Random histories of runs that die anywhere, over an embedded ClickHouse; exit code 1 when a table ends wrong:
//   node packages/dest-clickhouse/bench/crash/main.ts [histories of each kind] [seed]
import process from 'node:process';
import { liveRandomHistories, suiteSeed, type CrashKind } from '@etl/testing';
import { embeddedFixture } from '../../test/clickhouse-fixture.ts';

const histories = Number(process.argv[2] ?? 50);
const seed = process.argv[3] === undefined ? suiteSeed() : Number(process.argv[3]);

for (const kind of ['reports', 'log'] satisfies readonly CrashKind[]) {
  const startedAt = performance.now();
  const {
    failure,
    met,
    histories: lived,
  } = await liveRandomHistories(kind, () => embeddedFixture(), { histories, seed });
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const verdict = failure === undefined ? 'all end right' : `WRONG: ${failure}`;
  process.stdout.write(`${kind}: ${lived} histories in ${seconds} s, seed ${seed}, ${verdict}\n`);
  process.stdout.write(`  lives ended at ${met.join(', ')}\n`);
  if (failure !== undefined) process.exitCode = 1;
}
process.exit();
