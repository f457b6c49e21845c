import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startKillScene } from '../bench/kill-scene.ts';
import { runKillTrials } from '../bench/kill-trials.ts';
import { Random } from '../bench/random.ts';
import { temporaryDirectory } from './etl-process.ts';

// The long form is `node apps/runner/bench/kill-run.ts --kills 20`, with a new seed each time.
test.for([
  { place: 'an embedded database', isServer: false, seed: 20261123 },
  { place: 'a server', isServer: true, seed: 20261124 },
])(
  'killed at random moments, a run into $place leaves nothing lost and nothing doubled',
  { timeout: 180_000 },
  async ({ isServer, seed }) => {
    await using directory = await temporaryDirectory();
    const folder = join(directory.path, 'scene');
    await mkdir(folder);
    const scene = await startKillScene({ directory: folder, isServer, isLarge: false });
    const lines: string[] = [];
    try {
      const say = (line: string): void => void lines.push(line);
      const result = await runKillTrials({ ...scene, trials: 3, random: new Random(seed), say });
      expect(result.problems, `seed ${seed}\n${lines.join('\n')}`).toEqual([]);
    } finally {
      await scene.close();
    }
  },
);
