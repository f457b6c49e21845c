import { parseArgs } from 'node:util';
import { printTable } from '../print-table.ts';
import { readerTest } from './reader-test.ts';

const { values } = parseArgs({
  options: {
    loads: { type: 'string', default: '200' },
    'dawdle-ms': { type: 'string', default: '5' },
    seed: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
process.stdout.write(`seed ${seed}\n`);
const report = await readerTest({
  loads: Number(values.loads),
  seed,
  dawdleMs: Number(values['dawdle-ms']),
  onLoad: (position) => {
    if (position % 50 === 0) process.stdout.write(`${position} loads\n`);
  },
});
printTable(
  `${report.loads} loads, ${report.publishes} statements that publish`,
  Object.entries(report.counts).map(([poll, counts]) => ({ poll, ...counts })),
);
process.stdout.write(`wrong ${report.wrong.length}, mutations ${report.mutations}\n${report.wrong.join('\n')}\n`);
process.exitCode = report.wrong.length === 0 && report.mutations === 0 ? 0 : 1;
