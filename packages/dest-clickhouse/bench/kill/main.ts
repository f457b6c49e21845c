import { parseArgs } from 'node:util';
import { killTest } from './kill-test.ts';

const { values } = parseArgs({ options: { kills: { type: 'string', default: '300' }, seed: { type: 'string' } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000);
process.stdout.write(`seed ${seed}\n`);
const report = await killTest(Number(values.kills), seed, (count) => {
  if (count % 20 === 0) process.stdout.write(`${count} kills\n`);
});
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
process.exitCode = report.wrong.length === 0 ? 0 : 1;
