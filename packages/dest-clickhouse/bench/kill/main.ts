import { parseArgs } from 'node:util';
import { killTest } from './kill-test.ts';

const { values } = parseArgs({ options: { kills: { type: 'string', default: '300' }, seed: { type: 'string' } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000);
process.stdout.write(`seed ${seed}\n`);
const begun = performance.now();
const report = await killTest(Number(values.kills), seed, ({ kills, loads, rolledForward, engineCrashes }) => {
  if (kills % 20 !== 0) return;
  process.stdout.write(
    `${kills} kills, ${loads} loads, ${rolledForward} completed by the next start, ${engineCrashes} crashes of the engine\n`,
  );
});
const seconds = Math.round((performance.now() - begun) / 1000);
process.stdout.write(`${JSON.stringify({ ...report, seconds }, null, 2)}\n`);
process.exitCode = report.wrong.length === 0 ? 0 : 1;
