import { parseArgs } from 'node:util';
import { printTable } from '../print-table.ts';
import { concurrentTest } from './concurrent-test.ts';

const { values } = parseArgs({
  options: {
    pipelines: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '100' },
    'widens-after': { type: 'string' },
    seed: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
process.stdout.write(`seed ${seed}\n`);
const rounds = Number(values.rounds);
const report = await concurrentTest({
  pipelines: Number(values.pipelines),
  rounds,
  seed,
  widensAfter: Number(values['widens-after'] ?? Math.floor(rounds / 2)),
  onLoad: (count) => {
    if (count % 100 === 0) process.stdout.write(`${count} loads\n`);
  },
});
const { wrong, ...counts } = report;
printTable(`${values.pipelines} pipelines, one table`, [{ ...counts, wrong: wrong.length }]);
process.stdout.write(`${wrong.join('\n')}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
