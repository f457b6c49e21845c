import { parseArgs } from 'node:util';
import { printTable } from '../print-table.ts';
import { LANDINGS, zombieTest } from './zombie-test.ts';

const { values } = parseArgs({
  options: {
    every: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '3' },
    landing: { type: 'string', multiple: true },
    seed: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
process.stdout.write(`seed ${seed}\n`);
const report = await zombieTest({
  seed,
  every: Number(values.every),
  lanes: Number(values.lanes),
  landings: LANDINGS.filter((landing) => values.landing?.includes(landing) ?? true),
  onStop: (statement, landing) => {
    if (statement % 20 === 0) process.stdout.write(`statement ${statement}, lands ${landing}\n`);
  },
});
const { ends, leftUntilNextRun, wrong, ...counts } = report;
printTable('Runs stopped, taken over and woken', [
  { ...counts, leftUntilNextRun: leftUntilNextRun.length, wrong: wrong.length },
]);
printTable(
  'How they ended',
  Object.entries(ends).map(([end, count]) => ({ end, count })),
);
process.stdout.write(`${[...wrong, ...leftUntilNextRun].join('\n')}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
