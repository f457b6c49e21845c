import { parseArgs } from 'node:util';
import { clickHouseOptionsSchema } from '../../src/index.ts';
import { printTable } from '../print-table.ts';
import { clusterSmoke } from './cluster-smoke.ts';

const { values } = parseArgs({
  options: {
    url: { type: 'string', multiple: true },
    engine: { type: 'string' },
    claims: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '4' },
    settle: { type: 'string', default: '30000' },
  },
});
if (values.url === undefined) {
  process.stderr.write('Give the address of every replica: --url http://user:password@replica-1:8123 --url …\n');
  process.exit(2);
}
const { wrong, ...counts } = await clusterSmoke({
  urls: values.url,
  engine: clickHouseOptionsSchema.shape.engine.parse(values.engine),
  claims: Number(values.claims),
  rounds: Number(values.rounds),
  settleMs: Number(values.settle),
  onStep: (step) => process.stdout.write(`${step}\n`),
});
printTable('Loads through several replicas', [{ ...counts, wrong: wrong.length }]);
process.stdout.write(wrong.map((line) => `${line}\n`).join(''));
process.exitCode = wrong.length === 0 ? 0 : 1;
