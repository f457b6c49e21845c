import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runEsimKillTrials } from '../bench/esim-kill-trials.ts';
import { Random } from '../bench/random.ts';
import { temporaryDirectory } from './etl-process.ts';

// The long form is `node apps/runner/bench/esim-kill-run.ts --kills 20`, with a new seed each time.
test('killed at random moments, runs of esim leave every table equal to the world', { timeout: 180_000 }, async () => {
  await using directory = await temporaryDirectory();
  const folder = join(directory.path, 'scene');
  await mkdir(folder);
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const random = new Random(20261128);
  const { problems, kills, late } = await runEsimKillTrials({ trials: 2, random, directory: folder, say });
  expect(problems, lines.join('\n')).toEqual([]);
  expect(kills).toBeGreaterThan(late);
});
