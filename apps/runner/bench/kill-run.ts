// kill -9 at random moments of `etl run pg shop`, then compares both sides.
//   node apps/runner/bench/kill-run.ts [--kills 20] [--seed 1] [--server] [--large]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startKillScene } from './kill-scene.ts';
import { runKillTrials } from './kill-trials.ts';
import { Random } from './random.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    server: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const directory = await mkdtemp(join(tmpdir(), 'etl-kill-'));
const scene = await startKillScene({ directory, isServer: values.server, isLarge: values.large });
try {
  say(`seed ${values.seed}, ${values.kills} kills, ${values.server ? 'over HTTP' : 'embedded'}`);
  const random = new Random(Number(values.seed));
  const result = await runKillTrials({ ...scene, trials: Number(values.kills), random, say });
  for (const problem of result.problems) say(problem);
  say(`${result.problems.length === 0 ? 'ok' : 'FAILED'}: ${result.trials} trials, ${result.late} kills came too late`);
  process.exitCode = result.problems.length === 0 ? 0 : 1;
} finally {
  await scene.close();
  await rm(directory, { recursive: true, force: true });
}
