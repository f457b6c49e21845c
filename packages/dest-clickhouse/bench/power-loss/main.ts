import { parseArgs } from 'node:util';
import { powerLossTest } from './power-loss-test.ts';

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '50' },
    'file-system': { type: 'string', default: 'ext4' },
    mount: { type: 'string', default: 'commit=300' },
    seed: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Date.now() % 1_000_000);
process.stdout.write(`seed ${seed}\n`);
const report = await powerLossTest({
  seed,
  cuts: Number(values.cuts),
  fileSystem: values['file-system'],
  mountOptions: values.mount,
  onCut: ({ cuts, loads, rolledForward }) => {
    if (cuts % 10 === 0) process.stdout.write(`${cuts} cuts, ${loads} loads, ${rolledForward} completed after a cut\n`);
  },
});
process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
process.exitCode = report.wrong.length === 0 ? 0 : 1;
