// kill -9 at random moments of `etl run esim e1` against the sandbox, then compares tables and world.
//   node apps/runner/bench/esim-kill-run.ts [--kills 20] [--seed 1]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runEsimKillTrials } from './esim-kill-trials.ts';
import { Random } from './random.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const directory = await mkdtemp(join(tmpdir(), 'etl-esim-kill-'));
try {
  say(`seed ${values.seed}, ${values.kills} trials`);
  const random = new Random(Number(values.seed));
  const { kills, late, problems } = await runEsimKillTrials({ trials: Number(values.kills), random, directory, say });
  say(`${problems.length === 0 ? 'ok' : 'FAILED'}: ${kills} kills, of which ${late} came too late`);
  process.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}
